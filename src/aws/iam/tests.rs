#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::iam::Context;

fn read_page(results: &str) -> Result<SimulationPage, CloudError> {
    SimulatePrincipalPolicy::read(&format!(
        "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">
           <SimulatePrincipalPolicyResult>{results}</SimulatePrincipalPolicyResult>
           <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>
         </SimulatePrincipalPolicyResponse>"
    ))
}

#[test]
fn a_simulation_lists_permissions_resources_and_context() {
    let query = SimulatePrincipalPolicy {
        principal_arn: "arn:r".to_owned(),
        permissions: vec!["ec2:CreateTags".to_owned(), "ec2:DeleteTags".to_owned()],
        resources: vec!["arn:sg".to_owned()],
        context: Context::from([("aws:RequestTag/a".to_owned(), "b".to_owned())]),
        marker: Some("m".to_owned()),
    };
    let expected = "Action=A&Version=V&PolicySourceArn=arn%3Ar&ActionNames.member.1=ec2%3ACreateTags\
        &ActionNames.member.2=ec2%3ADeleteTags&ResourceArns.member.1=arn%3Asg\
        &ContextEntries.member.1.ContextKeyName=aws%3ARequestTag%2Fa&ContextEntries.member.1.ContextKeyType=string\
        &ContextEntries.member.1.ContextKeyValues.member.1=b&Marker=m";
    assert_eq!(query.form().unwrap().encode("A", "V"), expected);
}

#[test]
fn an_evaluation_tells_decision_missing_keys_organization_and_boundary_also_by_resource() {
    let page = read_page(
        "<IsTruncated>true</IsTruncated><Marker>m</Marker>
         <EvaluationResults>
           <member>
             <MatchedStatements><member><SourcePolicyId>p</SourcePolicyId>
               <EndPosition><Column>4</Column><Line>7</Line></EndPosition></member></MatchedStatements>
             <MissingContextValues/>
             <EvalResourceName>*</EvalResourceName>
             <EvalDecision>allowed</EvalDecision>
             <EvalActionName>ec2:CreateTags</EvalActionName>
           </member>
           <member>
             <EvalDecisionDetails/>
             <OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations></OrganizationsDecisionDetail>
             <PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>true</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>
             <MatchedStatements/>
             <MissingContextValues/>
             <EvalResourceName>arn:a</EvalResourceName>
             <EvalDecision>implicitDeny</EvalDecision>
             <EvalActionName>ec2:DeleteTags</EvalActionName>
             <ResourceSpecificResults>
               <member>
                 <PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>
                 <MatchedStatements/>
                 <EvalResourceDecision>explicitDeny</EvalResourceDecision>
                 <MissingContextValues><member>aws:SourceIp</member></MissingContextValues>
                 <EvalResourceName>arn:a</EvalResourceName>
               </member>
             </ResourceSpecificResults>
           </member>
         </EvaluationResults>",
    )
    .unwrap();
    assert_eq!(page.marker.as_deref(), Some("m"));
    let [first, second] = page.evaluations.as_slice() else { panic!("two expected: {page:?}") };
    assert_eq!(first.permission, "ec2:CreateTags");
    assert_eq!(first.overall.decision, Decision::Allowed);
    assert_eq!((first.allowed_by_organization, first.overall.allowed_by_boundary), (None, None));
    assert!(first.by_resource.is_empty());
    assert_eq!(second.overall.decision, Decision::ImplicitDeny);
    assert_eq!(second.allowed_by_organization, Some(false));
    assert_eq!(second.overall.allowed_by_boundary, Some(true));
    let of_resource = Ruling {
        decision: Decision::ExplicitDeny,
        missing_keys: vec!["aws:SourceIp".to_owned()],
        allowed_by_boundary: Some(false),
    };
    assert_eq!(second.by_resource["arn:a"], of_resource);
}

#[test]
fn what_says_nothing_is_no_answer() {
    let last = read_page("<IsTruncated>false</IsTruncated><Marker>m</Marker><EvaluationResults/>").unwrap();
    assert_eq!(last, SimulationPage::default());
    let others = [
        "<IsTruncated>false</IsTruncated>",
        "<IsTruncated>true</IsTruncated><EvaluationResults/>",
        "<EvaluationResults><member><EvalDecision>allowed</EvalDecision></member></EvaluationResults>",
    ];
    for other in others {
        let answer = read_page(other);
        assert!(matches!(answer, Err(CloudError::Malformed { .. })), "{other}: {answer:?}");
    }
}

#[test]
fn a_role_is_known_by_its_arn() {
    let answer = |role: &str| {
        format!("<GetRoleResponse><GetRoleResult><Role>{role}</Role></GetRoleResult></GetRoleResponse>")
    };
    let whole = answer(
        "<Path>/eks/</Path><Arn>arn:aws:iam::1:role/eks/r</Arn><RoleName>r</RoleName><RoleId>AROA</RoleId>",
    );
    assert_eq!(GetRole::read(&whole).unwrap().arn, "arn:aws:iam::1:role/eks/r");
    assert!(GetRole::read(&answer("<RoleName>r</RoleName>")).is_err());
    assert!(GetRole::read("<html/>").is_err());
}
