//! Terms: the times in which this replica leads.
//!
//! A term ends when the lease is lost, whether another replica took it or the API server was away for too long. The process
//! goes on: it serves webhooks and takes part in the election again. Nothing that a term has learnt outlives it, because
//! another replica may lead meanwhile: the next term works with a new resource cache, deployed state and queues, as after a
//! restart, and begins when every cache has been listed anew.

use super::{LeaderTasks, Manager};
use crate::cluster::lease::Election;
use crate::plan::Seal;

impl Manager {
    /// Leads whenever the lease allows it, one term after the other. `leading` is what runs in the current one.
    pub async fn take_turns(&self, election: &mut Election, leading: &mut LeaderTasks) {
        let stores = self.parts.stores.clone();
        election.on_return(move || stores.refresh());
        (self.parts.on_lead)(false);
        loop {
            election.acquire().await;
            (self.parts.on_lead)(true);
            let lost = tokio::select! {
                biased;
                lost = election.keep() => lost,
                never = self.work_until_dropped(leading) => match never {},
            };
            tracing::warn!(reason = %lost, "leadership lost; webhooks continue and this replica waits for the lease");
            (self.parts.on_lead)(false);
            self.end_term(std::mem::take(leading)).await;
        }
    }

    /// Begins to work as soon as everything is known that must be.
    pub async fn begin_term(&self, leading: &mut LeaderTasks) {
        let opened = async {
            self.seal_digests().await;
            self.open().await;
        };
        tokio::join!(self.parts.stores.synced(), opened);
        tracing::info!("caches synced and lease held: starting the controllers");
        self.lead(leading);
    }

    async fn work_until_dropped(&self, leading: &mut LeaderTasks) -> std::convert::Infallible {
        self.begin_term(leading).await;
        std::future::pending().await
    }

    /// Drops whatever is under way, and all that was learnt. What was sent may be carried out: the next term looks.
    async fn end_term(&self, leading: LeaderTasks) {
        let LeaderTasks { mut workers, mut upkeep } = leading;
        self.event_handlers.stop();
        self.work().queues.close();
        tokio::join!(workers.shutdown(), upkeep.shutdown());
        self.work.store(super::new_work(&self.parts));
        self.parts.stores.refresh();
    }

    /// Digests of secrets are mixed with what only those know who may read the webhooks' Secret. Without it, stacks with
    /// secrets are not written down.
    async fn seal_digests(&self) {
        let Some(key) = &self.parts.authority else { return };
        let work = self.work();
        let data = match work.context.objects.read_secret(key).await {
            Ok(secret) => secret.and_then(|secret| secret.data),
            Err(error) => {
                tracing::warn!(%error, secret = %key, "seal not readable; stacks with secrets are compared in full");
                None
            }
        };
        let authority = data.as_ref().and_then(|data| data.get(::webhook_certs::SECRET_CA_KEY));
        if let Some(authority) = authority.filter(|bytes| !bytes.0.is_empty()) {
            work.context.deployer.resource_cache().seal_with(Seal::of(&authority.0));
        }
    }
}
