//! A name server that knows the simulated load balancers, and nobody else.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Result;
use aws_sim::DataPlane;
use tokio::{net::UdpSocket, task::AbortHandle};

/// The server; it ends when dropped.
#[derive(Debug)]
pub struct Dns {
    address: SocketAddr,
    task: AbortHandle,
}

impl Dns {
    /// Answers on a free port of 127.0.0.1.
    pub async fn start(plane: Arc<DataPlane>) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let task = tokio::spawn(serve(socket, move |name| addresses(&plane, name)));
        Ok(Self { address, task: task.abort_handle() })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers questions for the addresses of names; what is not found does not exist.
pub async fn serve(socket: UdpSocket, find: impl Fn(&str) -> Option<Vec<Ipv4Addr>>) {
    let mut buffer = [0; 512];
    loop {
        // An error tells of an answer that nobody waited for.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        let question = buffer.get(..length).unwrap_or_default();
        if let Some(answer) = answer(question, &find) {
            // A client that has gone asks again.
            drop(socket.send_to(&answer, client).await);
        }
    }
}

/// The addresses of a load balancer; `None` if there is none of this name.
fn addresses(plane: &DataPlane, name: &str) -> Option<Vec<Ipv4Addr>> {
    let mut known = plane.reachable().into_iter().filter(|at| at.dns_name.eq_ignore_ascii_case(name));
    let zones = known.next()?.addresses();
    let v4 = zones.into_iter().filter_map(|address| match address.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    });
    Some(v4.collect())
}

/// The answer to a question with one name (RFC 1035, section 4); `None` if it is none.
fn answer(question: &[u8], find: impl Fn(&str) -> Option<Vec<Ipv4Addr>>) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    let (mut labels, mut place) = (Vec::new(), HEADER);
    loop {
        let length = usize::from(*question.get(place)?);
        place += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(question.get(place..place + length)?).into_owned());
        place += length;
    }
    let kind = question.get(place..place + 2)?;
    let asked = question.get(HEADER..place + 4)?;
    let found = find(&labels.join("."));
    let code = if found.is_some() { 0 } else { 3 };
    let found = found.filter(|_| kind == [0, 1]).unwrap_or_default();
    let mut answer = question.get(..2)?.to_vec();
    answer.extend([0x84, code, 0, 1, 0, u8::try_from(found.len()).ok()?, 0, 0, 0, 0]);
    answer.extend(asked);
    for ip in found {
        // The name of the question, A, IN, one second, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        answer.extend(ip.octets());
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str, kind: u8) -> Vec<u8> {
        let mut all = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            all.push(u8::try_from(label.len()).unwrap());
            all.extend(label.as_bytes());
        }
        all.extend([0, 0, kind, 0, 1]);
        all
    }

    #[test]
    fn names_lead_to_addresses() {
        let find = |name: &str| (name == "lb.aws").then(|| vec![Ipv4Addr::new(127, 64, 0, 1)]);
        for (name, kind, code, count) in [("lb.aws", 1, 0, 1), ("lb.aws", 28, 0, 0), ("x.aws", 1, 3, 0)] {
            let answer = answer(&question(name, kind), find).unwrap();
            assert_eq!((answer[3], answer[7]), (code, count), "{name} {kind}");
            assert_eq!(answer.ends_with(&[127, 64, 0, 1]), count == 1, "{name} {kind}");
        }
        assert_eq!(answer(b"too short", find), None);
    }
}
