//! Where addresses of the VPC really are on this machine.

use parking_lot::RwLock;
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// Which loopback address stands for which address of the VPC. Clones share the same table.
#[derive(Clone, Debug, Default)]
pub struct Network {
    tables: Arc<RwLock<Tables>>,
}

#[derive(Debug, Default)]
struct Tables {
    hosts: BTreeMap<IpAddr, IpAddr>,
    ports: BTreeMap<SocketAddr, SocketAddr>,
}

impl Network {
    /// All ports of an address are those of a loopback address.
    pub fn map_host(&self, address: IpAddr, loopback: IpAddr) {
        self.tables.write().hosts.insert(address, loopback);
    }

    /// One port of an address is another one on loopback.
    pub fn map_port(&self, address: SocketAddr, loopback: SocketAddr) {
        self.tables.write().ports.insert(address, loopback);
    }

    /// Nothing is at an address any more.
    pub fn forget(&self, address: IpAddr) {
        let mut tables = self.tables.write();
        tables.hosts.remove(&address);
        tables.ports.retain(|known, _| known.ip() != address);
    }

    /// Where an address is; `None` if nothing is there, and packets get lost.
    pub fn locate(&self, address: SocketAddr) -> Option<SocketAddr> {
        let tables = self.tables.read();
        let host = || tables.hosts.get(&address.ip()).map(|host| SocketAddr::new(*host, address.port()));
        let itself = || address.ip().is_loopback().then_some(address);
        tables.ports.get(&address).copied().or_else(host).or_else(itself)
    }
}
