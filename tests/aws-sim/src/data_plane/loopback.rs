//! Loopback addresses that nobody else on this machine has.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicU32, Ordering},
};
use tokio::net::TcpListener;

/// Whoever has an address listens on this port of it, so that another process sees that it is taken.
const CLAIM: u16 = 9;
/// The same for those who may not have low ports.
const UNPRIVILEGED_CLAIM: u16 = 61_999;
/// Addresses that are given out: 127.64.0.0 to 127.127.255.255.
const FIRST: u32 = 0x7f40_0000;
const COUNT: u32 = 0x0040_0000;
/// How many addresses are tried.
const TRIES: u32 = 4096;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A loopback address of one's own, until this is dropped.
#[derive(Debug)]
pub struct Address {
    ip: IpAddr,
    claim: Option<TcpListener>,
}

impl Address {
    /// The address.
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Whether all ports of the address are free for its owner; else it is shared, and ports have to be found.
    pub fn is_exclusive(&self) -> bool {
        self.claim.is_some()
    }
}

/// Takes an address of 127.64.0.0/10 that nobody has, or 127.0.0.1 where there are none (other systems than Linux).
pub async fn claim() -> Address {
    // why: processes that run at the same time begin at addresses far from each other
    let start = std::process::id().wrapping_mul(2_654_435_761) % COUNT;
    for _ in 0..TRIES {
        let number = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let ip = Ipv4Addr::from_bits(FIRST + number);
        // why: .0 and .255 look like mistakes to those who read them
        if matches!(ip.octets(), [.., 0 | 255]) {
            continue;
        }
        match take(ip).await {
            Ok(claim) => return Address { ip: ip.into(), claim: Some(claim) },
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => break,
            Err(_) => {}
        }
    }
    Address { ip: Ipv4Addr::LOCALHOST.into(), claim: None }
}

async fn take(ip: Ipv4Addr) -> io::Result<TcpListener> {
    match TcpListener::bind((ip, CLAIM)).await {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            TcpListener::bind((ip, UNPRIVILEGED_CLAIM)).await
        }
        claimed => claimed,
    }
}
