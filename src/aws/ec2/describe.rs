//! The describe operations: ids, filters and a page token in, one page out.

use super::answers::{
    InstancesAnswer, NetworkInterfacesAnswer, RouteTablesAnswer, SecurityGroupsAnswer, SubnetsAnswer,
    VpcsAnswer, ZonesAnswer,
};
use super::{Form, Query, read};
use crate::aws::sdk::named;
use crate::aws_api::ec2::{
    AvailabilityZone, DescribeAvailabilityZones, DescribeInstances, DescribeNetworkInterfaces, DescribePage,
    DescribeRouteTables, DescribeSecurityGroups, DescribeSubnets, DescribeVpcs,
};
use crate::aws_api::{CloudError, Operation};

macro_rules! describe {
    ($($request:ident { $ids:ident = $parameter:literal } -> $answer:ident { $items:ident };)*) => {$(
        impl Query for $request {
            fn form(&self) -> Result<Form, CloudError> {
                Ok(Form::default()
                    .list($parameter, &self.$ids)
                    .filters(&self.filters)
                    .maybe("NextToken", self.next_token.as_deref()))
            }

            fn read(xml: &str) -> Result<Self::Output, CloudError> {
                let mut answer: $answer = read::<Self, _>(xml)?;
                let items = named(Self::ACTION, answer.$items(), |one| &one.id)?;
                Ok(DescribePage { items, next_token: answer.next_token.filter(|token| !token.is_empty()) })
            }
        }
    )*};
}

describe! {
    DescribeSubnets { subnet_ids = "SubnetId" } -> SubnetsAnswer { subnets };
    DescribeVpcs { vpc_ids = "VpcId" } -> VpcsAnswer { vpcs };
    DescribeSecurityGroups { group_ids = "GroupId" } -> SecurityGroupsAnswer { security_groups };
    DescribeRouteTables { route_table_ids = "RouteTableId" } -> RouteTablesAnswer { route_tables };
    DescribeInstances { instance_ids = "InstanceId" } -> InstancesAnswer { instances };
    DescribeNetworkInterfaces { network_interface_ids = "NetworkInterfaceId" } -> NetworkInterfacesAnswer { network_interfaces };
}

impl Query for DescribeAvailabilityZones {
    fn form(&self) -> Result<Form, CloudError> {
        Ok(Form::default().list("ZoneId", &self.zone_ids))
    }

    fn read(xml: &str) -> Result<Vec<AvailabilityZone>, CloudError> {
        let zones = read::<Self, ZonesAnswer>(xml)?.availability_zones();
        named(Self::ACTION, zones, |zone| &zone.zone_id)
    }
}
