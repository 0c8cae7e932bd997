//! Route 53 on the wire: REST with XML.

use super::{Failure, xml::Xml};
use crate::Sim;
use aws_load_balancer_controller::aws_api::acm::ValidationRecord;
use aws_load_balancer_controller::aws_api::route53::{CreateRecord, DeleteRecord, ListHostedZones};
use aws_load_balancer_controller::aws_api::{Request, Response};
use axum::http::{Method, Uri};

/// What all paths begin with.
pub(super) const ROOT: &str = "/2013-04-01/hostedzone";

const NAMESPACE: &str = "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"";

/// Answers one call.
pub(super) async fn answer(sim: &Sim, method: &Method, uri: &Uri, body: &[u8]) -> Result<String, Failure> {
    let rest = uri.path().strip_prefix(ROOT).unwrap_or_default().trim_matches('/');
    let body = String::from_utf8_lossy(body);
    let unknown = || Failure::refused("InvalidAction", format!("{method} {uri} is not simulated"));
    let request: Request = match (method, rest.split_once('/')) {
        (&Method::GET, None) if rest.is_empty() => {
            let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
            let marker = query.into_owned().find(|(name, _)| name == "marker").map(|(_, value)| value);
            ListHostedZones { marker }.into()
        }
        (&Method::POST, Some((zone, "rrset"))) => change(zone, &body).ok_or_else(unknown)?,
        _ => return Err(unknown()),
    };
    let mut xml = Xml::default();
    match sim.perform(request).await? {
        Response::ListHostedZones(page) => xml.node(&format!("ListHostedZonesResponse {NAMESPACE}"), |xml| {
            xml.node("HostedZones", |xml| {
                for zone in page.zones {
                    xml.node("HostedZone", |xml| {
                        xml.leaf("Id", format!("/hostedzone/{}", zone.id));
                        xml.leaf("Name", zone.name);
                        xml.leaf("CallerReference", "simulated");
                        xml.node("Config", |xml| xml.leaf("PrivateZone", zone.is_private));
                    });
                }
            });
            xml.leaf("IsTruncated", page.next_marker.is_some());
            xml.maybe("NextMarker", page.next_marker);
            xml.leaf("MaxItems", 100);
        }),
        _ => xml.node(&format!("ChangeResourceRecordSetsResponse {NAMESPACE}"), |xml| {
            xml.node("ChangeInfo", |xml| {
                xml.leaf("Id", "/change/simulated");
                xml.leaf("Status", "PENDING");
                xml.leaf("SubmittedAt", "2026-01-01T00:00:00Z");
            });
        }),
    }
    Ok(xml.finish())
}

/// The one change of a batch.
fn change(zone: &str, body: &str) -> Option<Request> {
    let text = |tag: &str| {
        let (_, rest) = body.split_once(&format!("<{tag}>"))?;
        rest.split_once(&format!("</{tag}>")).map(|(text, _)| text.to_owned())
    };
    let zone_id = zone.to_owned();
    let record = ValidationRecord { name: text("Name")?, kind: text("Type")?, value: text("Value")? };
    match text("Action")?.as_str() {
        "CREATE" => Some(CreateRecord { zone_id, record }.into()),
        "DELETE" => Some(DeleteRecord { zone_id, record, certificate: String::new() }.into()),
        _ => None,
    }
}
