//! The describe operations: ids, filters and a page token in, one page out.

use super::answers::{
    InstancesAnswer, NetworkInterfacesAnswer, RouteTablesAnswer, SecurityGroupsAnswer, SubnetsAnswer,
    VpcsAnswer, ZonesAnswer,
};
use super::{Form, Query, unreadable};
use crate::aws::sdk::named;
use crate::cloud::ec2::{
    AvailabilityZone, DescribeAvailabilityZones, DescribeInstances, DescribeNetworkInterfaces,
    DescribeRouteTables, DescribeSecurityGroups, DescribeSubnets, DescribeVpcs, Page,
};
use crate::cloud::{CloudError, Operation};
use quick_xml::events::Event;
use serde::de::DeserializeOwned;

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
                Ok(Page { items, next_token: answer.next_token.filter(|token| !token.is_empty()) })
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

/// Parses the answer of an operation: what stands between us and EC2 may answer with another document.
pub(super) fn read<Q: Operation, T: DeserializeOwned>(xml: &str) -> Result<T, CloudError> {
    let expected = format!("{}Response", Q::ACTION.name());
    match root(xml) {
        Ok(root) if root == expected => {}
        Ok(root) => return Err(unreadable(Q::ACTION, &format!("{root:?} where {expected:?} is expected"))),
        Err(error) => return Err(unreadable(Q::ACTION, &error)),
    }
    quick_xml::de::from_str(xml).map_err(|error| unreadable(Q::ACTION, &error))
}

/// The name of a document's first element.
fn root(xml: &str) -> Result<String, quick_xml::Error> {
    let mut reader = quick_xml::Reader::from_str(xml);
    loop {
        match reader.read_event()? {
            Event::Start(element) | Event::Empty(element) => {
                return Ok(element.local_name().as_ref().to_owned());
            }
            Event::Eof => return Ok(String::new()),
            _ => {}
        }
    }
}
