#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::ec2::{
    AuthorizeIngress, CreateSecurityGroup, DescribeInstances, DescribeRouteTables, DescribeSecurityGroups,
    DescribeSubnets, DescribeVpcs, Filter, IngressRule, RuleSource,
};
use crate::aws_api::{Ref, SymbolKind, Tags};

fn encoded(query: &impl Query) -> String {
    query.form().unwrap().encode("A", "V")
}

#[test]
fn ids_filters_and_token_are_numbered_from_one() {
    let query = DescribeSubnets {
        subnet_ids: vec!["subnet-1".to_owned()],
        filters: vec![Filter::new("vpc-id", ["vpc-1"]), Filter::new("tag:a b", ["x", "y"])],
        next_token: Some("t".to_owned()),
    };
    assert_eq!(
        encoded(&query),
        "Action=A&Version=V&SubnetId.1=subnet-1&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1\
         &Filter.2.Name=tag%3Aa+b&Filter.2.Value.1=x&Filter.2.Value.2=y&NextToken=t"
    );
}

#[test]
fn a_security_group_is_created_with_its_tags() {
    let query = CreateSecurityGroup {
        name: "k8s".to_owned(),
        description: "[k8s] x".to_owned(),
        vpc_id: "vpc-1".to_owned(),
        tags: Tags::from([("a".to_owned(), "b".to_owned())]),
    };
    assert_eq!(
        encoded(&query),
        "Action=A&Version=V&GroupName=k8s&GroupDescription=%5Bk8s%5D+x&VpcId=vpc-1\
         &TagSpecification.1.ResourceType=security-group&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b"
    );
}

#[test]
fn every_kind_of_peer_has_its_own_list() {
    let rule = |source| IngressRule {
        protocol: "tcp".to_owned(),
        from_port: Some(80),
        to_port: Some(81),
        source,
        description: None,
    };
    let query = AuthorizeIngress {
        group_id: Ref::from("sg-1"),
        rules: vec![
            rule(RuleSource::Ipv4("10.0.0.0/8".to_owned())),
            rule(RuleSource::Ipv6("::/0".to_owned())),
            rule(RuleSource::SecurityGroup(Ref::from("sg-2"))),
            IngressRule {
                from_port: None,
                to_port: None,
                description: Some("d".to_owned()),
                ..rule(RuleSource::PrefixList("pl-1".to_owned()))
            },
        ],
    };
    let expected = "Action=A&Version=V&GroupId=sg-1\
        &IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=80&IpPermissions.1.ToPort=81&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0%2F8\
        &IpPermissions.2.IpProtocol=tcp&IpPermissions.2.FromPort=80&IpPermissions.2.ToPort=81&IpPermissions.2.Ipv6Ranges.1.CidrIpv6=%3A%3A%2F0\
        &IpPermissions.3.IpProtocol=tcp&IpPermissions.3.FromPort=80&IpPermissions.3.ToPort=81&IpPermissions.3.Groups.1.GroupId=sg-2\
        &IpPermissions.4.IpProtocol=tcp&IpPermissions.4.PrefixListIds.1.PrefixListId=pl-1&IpPermissions.4.PrefixListIds.1.Description=d";
    assert_eq!(encoded(&query), expected);
}

#[test]
fn an_unresolved_group_is_refused_before_it_is_sent() {
    let query =
        AuthorizeIngress { group_id: Ref::pending(SymbolKind::SecurityGroupId, "sg"), rules: Vec::new() };
    assert!(matches!(query.form(), Err(CloudError::Unresolved { .. })));
}

#[test]
fn subnets_are_read_with_ipv6_state_tags_and_token() {
    let page = DescribeSubnets::read(
        r#"<?xml version="1.0" encoding="UTF-8"?>
        <DescribeSubnetsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
          <requestId>r</requestId>
          <subnetSet>
            <item>
              <subnetId>subnet-1</subnetId><state>available</state><vpcId>vpc-1</vpcId>
              <cidrBlock>10.0.0.0/24</cidrBlock>
              <ipv6CidrBlockAssociationSet>
                <item><ipv6CidrBlock>2001:db8::/64</ipv6CidrBlock><associationId>a</associationId>
                  <ipv6CidrBlockState><state>associated</state></ipv6CidrBlockState></item>
              </ipv6CidrBlockAssociationSet>
              <availableIpAddressCount>251</availableIpAddressCount>
              <availabilityZone>us-west-2a</availabilityZone><availabilityZoneId>usw2-az1</availabilityZoneId>
              <tagSet><item><key>Name</key><value>a &amp; b</value></item><item><key>empty</key><value/></item></tagSet>
            </item>
            <item><subnetId>subnet-2</subnetId><ipv6CidrBlockAssociationSet/><tagSet/></item>
          </subnetSet>
          <nextToken>more</nextToken>
        </DescribeSubnetsResponse>"#,
    )
    .unwrap();
    assert_eq!(page.next_token.as_deref(), Some("more"));
    let [first, second] = page.items.as_slice() else { panic!("two subnets expected: {page:?}") };
    assert_eq!(first.ipv6_cidr_blocks, [("2001:db8::/64".to_owned(), true)]);
    assert_eq!(first.available_ip_address_count, 251);
    assert_eq!(first.tags["Name"], "a & b");
    assert_eq!(first.tags["empty"], "");
    assert_eq!(first.outpost_arn, None);
    assert_eq!(second.id, "subnet-2");
}

#[test]
fn an_empty_set_and_an_empty_token_are_an_empty_last_page() {
    let page =
        DescribeSubnets::read("<DescribeSubnetsResponse><subnetSet/><nextToken/></DescribeSubnetsResponse>")
            .unwrap();
    assert_eq!(page, crate::aws_api::ec2::DescribePage::default());
    assert!(DescribeSubnets::read("<DescribeSubnetsResponse></DescribeSubnetsResponse>").is_err());
}

#[test]
fn only_associated_cidrs_of_a_vpc_count() {
    let page = DescribeVpcs::read(
        "<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock>
         <cidrBlockAssociationSet>
           <item><cidrBlock>10.0.0.0/16</cidrBlock><cidrBlockState><state>associated</state></cidrBlockState></item>
           <item><cidrBlock>10.1.0.0/16</cidrBlock><cidrBlockState><state>disassociated</state></cidrBlockState></item>
         </cidrBlockAssociationSet></item></vpcSet></DescribeVpcsResponse>",
    )
    .unwrap();
    assert_eq!(page.items[0].ipv4_cidr_blocks, ["10.0.0.0/16"]);
}

#[test]
fn a_permission_becomes_one_rule_for_every_peer() {
    let page = DescribeSecurityGroups::read(
        "<DescribeSecurityGroupsResponse><securityGroupInfo><item>
           <ownerId>1</ownerId><groupId>sg-1</groupId><groupName>n</groupName><groupDescription>d</groupDescription>
           <vpcId>vpc-1</vpcId>
           <ipPermissions>
             <item><ipProtocol>tcp</ipProtocol><fromPort>80</fromPort><toPort>80</toPort>
               <groups><item><userId>1</userId><groupId>sg-2</groupId><description>backend</description></item></groups>
               <ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item><item><cidrIp>10.0.0.0/8</cidrIp><description/></item></ipRanges>
               <ipv6Ranges/><prefixListIds/></item>
             <item><ipProtocol>-1</ipProtocol><groups/><ipRanges/><ipv6Ranges/><prefixListIds/></item>
           </ipPermissions>
           <ipPermissionsEgress/><tagSet/></item></securityGroupInfo></DescribeSecurityGroupsResponse>",
    )
    .unwrap();
    let sources: Vec<_> = page.items[0].ingress.iter().map(|rule| rule.source.clone()).collect();
    let expected = [
        RuleSource::SecurityGroup(Ref::from("sg-2")),
        RuleSource::Ipv4("0.0.0.0/0".to_owned()),
        RuleSource::Ipv4("10.0.0.0/8".to_owned()),
        RuleSource::None,
    ];
    assert_eq!(sources, expected);
    assert_eq!(page.items[0].ingress[0].description.as_deref(), Some("backend"));
    assert_eq!(page.items[0].ingress[2].description, None);
    assert_eq!(page.items[0].ingress[3].from_port, None);
}

#[test]
fn the_main_route_table_and_its_gateways_are_recognised() {
    let page = DescribeRouteTables::read(
        "<DescribeRouteTablesResponse><routeTableSet><item><routeTableId>rtb-1</routeTableId>
         <routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId></item>
           <item><natGatewayId>nat-1</natGatewayId></item></routeSet>
         <associationSet><item><main>true</main></item><item><main>false</main><subnetId>subnet-1</subnetId></item></associationSet>
         </item></routeTableSet></DescribeRouteTablesResponse>",
    )
    .unwrap();
    let table = &page.items[0];
    assert!(table.main);
    assert_eq!(table.subnet_ids, ["subnet-1"]);
    assert_eq!(table.gateway_ids, ["igw-1"]);
}

#[test]
fn instances_of_all_reservations_are_returned_with_their_interfaces() {
    let page = DescribeInstances::read(
        "<DescribeInstancesResponse><reservationSet>
          <item><instancesSet><item><instanceId>i-1</instanceId><vpcId>vpc-1</vpcId><networkInterfaceSet><item>
            <networkInterfaceId>eni-1</networkInterfaceId><attachment><deviceIndex>0</deviceIndex></attachment>
            <groupSet><item><groupId>sg-1</groupId><groupName>n</groupName></item></groupSet>
            <privateIpAddressesSet><item><privateIpAddress>10.0.0.1</privateIpAddress><primary>true</primary></item></privateIpAddressesSet>
            <ipv4PrefixSet><item><ipv4Prefix>10.0.1.0/28</ipv4Prefix></item></ipv4PrefixSet>
          </item></networkInterfaceSet></item></instancesSet></item>
          <item><instancesSet><item><instanceId>i-2</instanceId></item></instancesSet></item>
         </reservationSet></DescribeInstancesResponse>",
    )
    .unwrap();
    let ids: Vec<_> = page.items.iter().map(|instance| instance.id.as_str()).collect();
    assert_eq!(ids, ["i-1", "i-2"]);
    let interface = &page.items[0].network_interfaces[0];
    assert_eq!(interface.device_index, Some(0));
    assert_eq!(interface.private_ipv4_addresses, ["10.0.0.1"]);
    assert_eq!(interface.ipv4_prefixes, ["10.0.1.0/28"]);
    assert_eq!(interface.security_group_ids, ["sg-1"]);
}

#[test]
fn an_answer_that_is_no_xml_is_malformed() {
    let error = DescribeSubnets::read("<html>").unwrap_err();
    assert!(matches!(error, CloudError::Malformed { operation: "DescribeSubnets", .. }));
}

#[test]
fn an_answer_that_is_none_is_not_an_empty_answer() {
    let empty =
        "<DescribeSubnetsResponse xmlns=\"x\"><requestId>1</requestId><subnetSet/></DescribeSubnetsResponse>";
    assert!(DescribeSubnets::read(empty).unwrap().items.is_empty());
    let others = [
        "",
        "<html><body>Bad gateway</body></html>",
        "<DescribeVpcsResponse><vpcSet/></DescribeVpcsResponse>",
        "<DescribeSubnetsResponse><requestId>1</requestId></DescribeSubnetsResponse>",
        "<DescribeSubnetsResponse><subnetSet><item><vpcId>vpc-1</vpcId></item></subnetSet></DescribeSubnetsResponse>",
        "<DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-1</subnetId>",
    ];
    for other in others {
        let answer = DescribeSubnets::read(other);
        assert!(matches!(answer, Err(CloudError::Malformed { .. })), "{other}: {answer:?}");
    }
}
