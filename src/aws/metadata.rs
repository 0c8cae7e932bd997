//! Instance metadata (IMDSv2): region and VPC of the node the controller runs on.

use super::sdk::chain;
use aws_config::imds::client::error::ImdsError;
use aws_config::imds::client::{Client, EndpointMode};
use aws_config::provider_config::ProviderConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::net::UdpSocket;
use std::time::Duration;

/// Longest time to wait for one answer of the node.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Instance metadata of the node.
pub struct InstanceMetadata(Result<Client, MetadataError>);

/// Why instance metadata told nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// `AWS_EC2_METADATA_DISABLED` is set.
    #[error("instance metadata is switched off by AWS_EC2_METADATA_DISABLED")]
    Disabled,
    /// The override of its endpoint is not a URL.
    #[error("instance metadata: {0:?} is not a URL")]
    Endpoint(String),
    /// It did not answer, or not with what was asked for.
    #[error("instance metadata: {path}: {message}")]
    Unreachable {
        /// What was asked for.
        path: String,
        /// What went wrong.
        message: String,
    },
}

impl InstanceMetadata {
    /// The metadata service, at `endpoint` if given, else over IPv6 exactly if the host has no IPv4.
    pub(super) fn new(disabled: bool, endpoint: Option<&str>, http: &SharedHttpClient) -> Self {
        if disabled {
            return Self(Err(MetadataError::Disabled));
        }
        let provider = ProviderConfig::default().with_http_client(http.clone());
        let builder = Client::builder()
            .configure(&provider)
            .max_attempts(3)
            .connect_timeout(TIMEOUT)
            .read_timeout(TIMEOUT)
            .operation_attempt_timeout(TIMEOUT);
        let builder = match endpoint {
            Some(url) => match builder.endpoint(url) {
                Ok(builder) => builder,
                // why: an error all the same
                Err(_) => return Self(Err(MetadataError::Endpoint(url.to_owned()))),
            },
            None if has_ipv4() => builder,
            None => builder.endpoint_mode(EndpointMode::IpV6),
        };
        Self(Ok(builder.build()))
    }

    /// The node's region.
    pub async fn region(&self) -> Result<String, MetadataError> {
        self.get("placement/region").await
    }

    /// The VPC of the node's primary network interface.
    pub async fn vpc_id(&self) -> Result<String, MetadataError> {
        let mac = self.get("mac").await?;
        self.get(&format!("network/interfaces/macs/{}/vpc-id", mac.trim_end_matches('/'))).await
    }

    async fn get(&self, path: &str) -> Result<String, MetadataError> {
        let client = self.0.as_ref().map_err(Clone::clone)?;
        let failed =
            |error: ImdsError| MetadataError::Unreachable { path: path.to_owned(), message: chain(&error) };
        let answer = client.get(format!("/latest/meta-data/{path}")).await.map_err(failed)?;
        Ok(String::from(answer).trim().to_owned())
    }
}

/// Whether the host could send to the IPv4 metadata address. Nothing is sent: connecting a UDP socket only picks a route.
fn has_ipv4() -> bool {
    let source = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("169.254.169.254:80")?;
        socket.local_addr()
    });
    // why: a host without a route has no IPv4
    source.is_ok_and(|address| !address.ip().is_loopback())
}
