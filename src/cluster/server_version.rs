//! The version of the API server.

use kube::{Client, Error};
use tokio::sync::OnceCell;

/// A version of the API server: major, minor, and all of it as text.
pub type Version = (u32, u32, String);

/// The first API server whose `preStop` hooks may sleep without a command.
pub const WITH_SLEEP: (u32, u32) = (1, 30);

/// Reads the version.
pub async fn read(client: &Client) -> Result<Version, Error> {
    let info = client.apiserver_version().await?;
    let number = |text: &str| {
        let unreadable =
            || Error::Service(format!("the version {:?} cannot be read", info.git_version).into());
        text.trim_end_matches('+').parse().map_err(|_| unreadable())
    };
    Ok((number(&info.major)?, number(&info.minor)?, info.git_version.clone()))
}

/// The version, read once, when it is first needed.
///
/// why once: a newer API server understands all that an older one did
pub struct ServerVersion {
    client: Client,
    known: OnceCell<Version>,
}

impl ServerVersion {
    /// Nothing is read yet.
    pub fn new(client: Client) -> Self {
        Self { client, known: OnceCell::new() }
    }

    /// The version; after an error it is read again the next time.
    pub async fn get(&self) -> Result<&Version, Error> {
        self.known.get_or_try_init(|| read(&self.client)).await
    }
}
