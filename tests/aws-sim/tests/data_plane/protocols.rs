//! TLS, HTTP/2, gRPC, WebSocket, TCP, UDP and the proxy protocol.

use crate::bed::*;
use aws_load_balancer_controller::aws_api::elbv2::*;
use aws_sim::{contract::forward_to, echo::Echo};
use bytes::Bytes;
use http::Version;
use http_body_util::Full;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use serde_json::Value;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpSocket, TcpStream, UdpSocket},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

/// Shakes hands for a server's name; trusts the data plane's authority.
async fn tls(
    bed: &Bed,
    at: SocketAddr,
    name: &str,
    alpn: &[&str],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(bed.plane.authorities().as_bytes()) {
        roots.add(authority.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(at).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

#[tokio::test(flavor = "multi_thread")]
async fn https_listeners_answer_by_server_name_and_policy() {
    let bed = Bed::new().await;
    let lb = bed.alb().await;
    let group = bed.group(Protocol::Http).await;
    let _pods = bed.pods(&group, &["a"]).await;
    let (default, wildcard) = (bed.account.id("CERT_1"), bed.account.id("CERT_2"));
    let mut listeners = Vec::new();
    for (port, policy) in [
        (8443, "ELBSecurityPolicy-TLS13-1-2-2021-06"),
        (8444, "ELBSecurityPolicy-TLS13-1-3-2021-06"),
        (8445, "ELBSecurityPolicy-TLS-1-2-2017-01"),
    ] {
        let change = |settings: &mut ListenerSettings| {
            settings.protocol = Protocol::Https;
            settings.certificate = Some(default.as_str().into());
            settings.ssl_policy = Some(policy.to_owned());
        };
        listeners.push(bed.listen_with(&lb, port, vec![forward_to([group.arn.as_str()])], change).await);
    }
    for listener in &listeners {
        let more = AddListenerCertificate {
            listener_arn: listener.arn.as_str().into(),
            certificate_arn: wildcard.as_str().into(),
        };
        bed.account.send(more).await.unwrap();
    }
    bed.healthy(&group, 1).await;
    let (v12, v13) = (&rustls::version::TLS12, &rustls::version::TLS13);
    // Listener, server name, ALPN, versions; whether the handshake succeeds, and what is agreed on.
    let rows: &[(usize, &str, &[&str], &[&'static rustls::SupportedProtocolVersion], bool, Option<&[u8]>)] =
        &[
            (0, "www.example.com", &["h2", "http/1.1"], BOTH, true, Some(b"h2")),
            (0, "www.example.com", &["http/1.1"], BOTH, true, Some(b"http/1.1")),
            (0, "www.example.com", &[], BOTH, true, None),
            (0, "example.com", &[], BOTH, true, None),
            (0, "x.apps.example.com", &[], BOTH, true, None),
            (0, "x.y.apps.example.com", &[], BOTH, false, None),
            (0, "shop.example.org", &[], BOTH, false, None),
            (0, "www.example.com", &[], &[v12], true, None),
            (0, "www.example.com", &[], &[v13], true, None),
            (1, "www.example.com", &[], &[v13], true, None),
            (1, "www.example.com", &[], &[v12], false, None),
            (2, "www.example.com", &[], &[v12], true, None),
            (2, "www.example.com", &[], &[v13], false, None),
        ];
    let mut checked = Rows::default();
    for (number, name, alpn, versions, succeeds, agreed) in rows {
        let at = bed.address(&listeners[*number]).await;
        let shaken = tls(&bed, at, name, alpn, versions).await;
        let versions: Vec<_> = versions.iter().map(|version| version.version).collect();
        let row = format!("{number} {name} {alpn:?} {versions:?}");
        checked.check(&row, shaken.is_ok(), *succeeds);
        let Ok(stream) = shaken else { continue };
        checked.check(&row, stream.get_ref().1.alpn_protocol(), *agreed);
        let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        let mut asked = request("GET", "https://www.example.com/x", &[]);
        if agreed.as_deref() == Some(b"h2") {
            *asked.version_mut() = Version::HTTP_2;
        } else {
            asked = request("GET", "/x", &[("host", "www.example.com")]);
        }
        let answer = send(stream, asked).await.unwrap_or_default();
        let told = answer.asked();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let found = [&told["headers"]["x-forwarded-proto"][0], &told["version"], &told["host"]].map(text);
        let host = format!("www.example.com:{}", 8443 + number);
        let expected = ["https".to_owned(), "HTTP/1.1".to_owned(), host];
        checked.check(&row, (answer.status, answer.pod(), found), (200, "a", expected));
    }
    checked.hold();
    bed.set_balancer(&lb, &[("routing.http2.enabled", "false")]).await;
    until("no HTTP/2", || async {
        let at = bed.address(&listeners[0]).await;
        let stream = tls(&bed, at, "www.example.com", &["h2", "http/1.1"], BOTH).await.unwrap();
        stream.get_ref().1.alpn_protocol() == Some(b"http/1.1")
    })
    .await;
    bed.set_balancer(&lb, &[("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "true")]).await;
    until("the version of TLS", || async {
        let at = bed.address(&listeners[1]).await;
        let stream = tls(&bed, at, "www.example.com", &[], BOTH).await.unwrap();
        let answer = send(stream, request("GET", "/", &[("host", "h")])).await.unwrap();
        answer.asked()["headers"]["x-amzn-tls-version"][0] == "TLSv1.3"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_set_is_served() {
    let bed = Bed::new().await;
    let lb = bed.alb().await;
    let arn = bed.account.id("CERT_1");
    let key = rcgen::KeyPair::generate().unwrap();
    let own =
        rcgen::CertificateParams::new(vec!["own.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    bed.plane.set_certificate(&arn, &own.pem(), &key.serialize_pem()).unwrap();
    let other = rcgen::KeyPair::generate().unwrap();
    assert!(bed.plane.set_certificate(&arn, &own.pem(), &other.serialize_pem()).is_err());
    let change = |settings: &mut ListenerSettings| {
        settings.protocol = Protocol::Https;
        settings.certificate = Some(arn.as_str().into());
    };
    let action = aws_sim::contract::not_found();
    let listener = bed.listen_with(&lb, 8443, vec![action], change).await;
    let at = bed.address(&listener).await;
    let mut roots = RootCertStore::empty();
    roots.add(own.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(at).await.unwrap();
    let name = ServerName::try_from("own.example").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    assert_eq!(send(stream, request("GET", "/", &[("host", "h")])).await.unwrap().status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_and_http2_reach_targets_that_speak_them() {
    let bed = Bed::new().await;
    let lb = bed.alb().await;
    let mut listeners = Vec::new();
    let mut kept = Vec::new();
    for (port, version) in [(8443, "GRPC"), (8444, "HTTP2"), (8445, "HTTP1")] {
        let group =
            bed.group_with(Protocol::Http, |wanted| wanted.protocol_version = Some(version.to_owned())).await;
        kept.push(bed.pods(&group, &["a"]).await);
        let change = |settings: &mut ListenerSettings| {
            settings.protocol = Protocol::Https;
            settings.certificate = Some(bed.account.id("CERT_1").as_str().into());
        };
        listeners.push(bed.listen_with(&lb, port, vec![forward_to([group.arn.as_str()])], change).await);
        bed.healthy(&group, 1).await;
    }
    const GRPC: &[(&str, &str)] = &[("content-type", "application/grpc"), ("te", "trailers")];
    const NONE: &[(&str, &str)] = &[];
    let mut checked = Rows::default();
    // Listener, HTTP/2 or not, method, path, headers; status, status of gRPC, version the pod was asked by.
    for (number, http2, method, path, headers, status, grpc, version) in [
        (0, true, "POST", "/echo.Echo/Say", GRPC, 200, Some("0"), None),
        (0, true, "POST", "/other.Service/Do", GRPC, 200, Some("12"), None),
        (0, true, "GET", "/echo.Echo/Say", GRPC, 464, None, None),
        (0, false, "POST", "/echo.Echo/Say", GRPC, 464, None, None),
        (0, true, "POST", "/plain", NONE, 200, None, Some("HTTP/2")),
        (1, true, "GET", "/", NONE, 200, None, Some("HTTP/2")),
        (1, true, "POST", "/echo.Echo/Say", GRPC, 200, Some("0"), None),
        (1, true, "GET", "/echo.Echo/Say", GRPC, 464, None, None),
        (1, false, "GET", "/", NONE, 464, None, None),
        (2, true, "GET", "/", NONE, 200, None, Some("HTTP/1.1")),
        (2, false, "GET", "/", NONE, 200, None, Some("HTTP/1.1")),
    ] {
        let row = format!("{number} {http2} {method} {path} {headers:?}");
        let at = bed.address(&listeners[number]).await;
        let alpn: &[&str] = if http2 { &["h2"] } else { &["http/1.1"] };
        let stream = tls(&bed, at, "www.example.com", alpn, BOTH).await.unwrap();
        let mut all = headers.to_vec();
        let target = if http2 { format!("https://www.example.com{path}") } else { path.to_owned() };
        if !http2 {
            all.push(("host", "www.example.com"));
        }
        let mut asked = request(method, &target, &all);
        if http2 {
            *asked.version_mut() = Version::HTTP_2;
        }
        const MESSAGE: &[u8] = b"\0\0\0\0\x02hi";
        if headers == GRPC && method == "POST" {
            *asked.body_mut() = Full::new(Bytes::from_static(MESSAGE));
        }
        let answer = send(stream, asked).await.unwrap_or_default();
        let of_grpc = answer
            .trailers
            .as_ref()
            .and_then(|all| all.get("grpc-status"))
            .map(|code| code.to_str().unwrap());
        checked.check(&row, (answer.status, of_grpc), (status, grpc));
        if grpc == Some("0") {
            checked.check(&row, answer.body.as_ref(), MESSAGE);
        }
        if let Some(version) = version {
            checked.check(&row, answer.asked()["version"].as_str(), Some(version));
        }
    }
    checked.hold();
}

#[tokio::test(flavor = "multi_thread")]
async fn health_checks_of_grpc_read_its_status() {
    for (path, codes, healthy) in [
        ("/AWS.ALB/healthcheck", "12", true),
        ("/echo.Echo/Say", "0", true),
        ("/echo.Echo/Say", "12", false),
        ("/x.Y/Z", "0-20", true),
    ] {
        let bed = Bed::new().await;
        let lb = bed.alb().await;
        let group = bed
            .group_with(Protocol::Http, |wanted| {
                wanted.protocol_version = Some("GRPC".to_owned());
                let check = wanted.health_check.as_mut().unwrap();
                check.path = Some(path.to_owned());
                check.matcher = Some(Matcher { http_code: None, grpc_code: Some(codes.to_owned()) });
            })
            .await;
        let _pods = bed.pods(&group, &["a"]).await;
        let change = |settings: &mut ListenerSettings| {
            settings.protocol = Protocol::Https;
            settings.certificate = Some(bed.account.id("CERT_1").as_str().into());
        };
        bed.listen_with(&lb, 8443, vec![forward_to([group.arn.as_str()])], change).await;
        let state = if healthy { TargetHealthState::Healthy } else { TargetHealthState::Unhealthy };
        bed.wait_for(&group, &state, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_upgraded_belongs_to_client_and_target() {
    let bed = Bed::new().await;
    let lb = bed.alb().await;
    let group = bed.group(Protocol::Http).await;
    let _pods = bed.pods(&group, &["a"]).await;
    let listener = bed.listen(&lb, 8080, vec![forward_to([group.arn.as_str()])]).await;
    bed.healthy(&group, 1).await;
    let mut stream = TcpStream::connect(bed.address(&listener).await).await.unwrap();
    let head = "GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert!(line.starts_with("HTTP/1.1 101 "), "{line}");
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
    }
    line.clear();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, "a\n");
    stream.write_all(b"ping\n").await.unwrap();
    line.clear();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, "ping\n");
}

/// Serves HTTPS with a certificate that nobody trusts.
fn serve_https(echo: &Echo, listener: TcpListener) {
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec!["pod".to_owned()]).unwrap().self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key)
        .unwrap();
    let (acceptor, echo) = (TlsAcceptor::from(Arc::new(config)), echo.clone());
    tokio::spawn(async move {
        while let Ok((stream, client)) = listener.accept().await {
            let (acceptor, echo) = (acceptor.clone(), echo.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    echo.serve_http(stream, client).await;
                }
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_want_tls_get_it_whatever_their_certificate() {
    let bed = Bed::new().await;
    let pod = bed.pod("plain", 'a', Speaks::Http).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    bed.plane.map_port((pod.ip, PORT).into(), listener.local_addr().unwrap());
    serve_https(&Echo::new("secure"), listener);
    for (kind, protocol) in
        [(LoadBalancerType::Application, Protocol::Https), (LoadBalancerType::Network, Protocol::Tls)]
    {
        let lb = if kind == LoadBalancerType::Application { bed.alb().await } else { bed.nlb_in_a().await };
        let group = bed.group(protocol.clone()).await;
        bed.register(&group, &[pod.ip]).await;
        let change = |settings: &mut ListenerSettings| {
            settings.protocol = protocol.clone();
            settings.certificate = Some(bed.account.id("CERT_1").as_str().into());
        };
        let listener = bed.listen_with(&lb, 8443, vec![forward_to([group.arn.as_str()])], change).await;
        bed.healthy(&group, 1).await;
        let at = bed.address(&listener).await;
        let stream = tls(&bed, at, "www.example.com", &[], BOTH).await.unwrap();
        let answer = send(stream, request("GET", "/", &[("host", "h")])).await.unwrap();
        assert_eq!(answer.pod(), "secure", "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_listeners_of_an_nlb_agree_by_policy() {
    let bed = Bed::new().await;
    let lb = bed.nlb_in_a().await;
    let group = bed.group(Protocol::Tcp).await;
    let pod = bed.pod("a", 'a', Speaks::Tcp).await;
    bed.register(&group, &[pod.ip]).await;
    let rows: &[(&str, Option<&[u8]>)] = &[
        ("None", None),
        ("HTTP1Only", Some(b"http/1.1")),
        ("HTTP2Only", Some(b"h2")),
        ("HTTP2Optional", Some(b"http/1.1")),
        ("HTTP2Preferred", Some(b"h2")),
    ];
    for (port, (policy, agreed)) in (8443..).zip(rows) {
        let change = |settings: &mut ListenerSettings| {
            settings.protocol = Protocol::Tls;
            settings.certificate = Some(bed.account.id("CERT_1").as_str().into());
            settings.alpn_policy = vec![(*policy).to_owned()];
        };
        let listener = bed.listen_with(&lb, port, vec![forward_to([group.arn.as_str()])], change).await;
        bed.healthy(&group, 1).await;
        let at = bed.address(&listener).await;
        let stream = tls(&bed, at, "www.example.com", &["h2", "http/1.1"], BOTH).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), *agreed, "{policy}");
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.unwrap();
        assert!(line.starts_with("a "), "{policy}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_of_an_nlb_see_the_client_as_their_group_says() {
    // Whether the client's address is kept, whether the proxy protocol is spoken.
    for (keep, proxy) in [("false", "false"), ("true", "false"), ("false", "true"), ("true", "true")] {
        let bed = Bed::new().await;
        let lb = bed.nlb_in_a().await;
        let group = bed.group(Protocol::Tcp).await;
        bed.set_group(&group, &[("preserve_client_ip.enabled", keep), ("proxy_protocol_v2.enabled", proxy)])
            .await;
        let pod = bed.pod("a", 'a', Speaks::Tcp).await;
        bed.register(&group, &[pod.ip]).await;
        let listener = bed.listen(&lb, 8080, vec![forward_to([group.arn.as_str()])]).await;
        bed.healthy(&group, 1).await;
        let at = bed.address(&listener).await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.50.1.2:0".parse().unwrap()).unwrap();
        let stream = socket.connect(at).await.unwrap();
        let client = stream.local_addr().unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert_eq!(line.starts_with("a 127.50.1.2:"), keep == "true", "{keep} {proxy}: {line}");
        stream.write_all(b"ping").await.unwrap();
        let mut echoed = vec![0; if proxy == "true" { 32 } else { 4 }];
        stream.read_exact(&mut echoed).await.unwrap();
        let mut expected = Vec::new();
        if proxy == "true" {
            expected.extend(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c");
            expected.extend([127, 50, 1, 2]);
            let std::net::IpAddr::V4(ip) = at.ip() else { panic!("{at}") };
            expected.extend(ip.octets());
            expected.extend(client.port().to_be_bytes());
            expected.extend(at.port().to_be_bytes());
        }
        expected.extend(b"ping");
        assert_eq!(echoed, expected, "{keep} {proxy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_and_connections_share_a_port() {
    for protocol in [Protocol::Udp, Protocol::TcpUdp] {
        let bed = Bed::new().await;
        let lb = bed.nlb_in_a().await;
        let group = bed.group(protocol.clone()).await;
        let mut pods = Vec::new();
        for name in ["a", "b"] {
            let pod = bed.pod(name, 'a', Speaks::Udp).await;
            bed.register(&group, &[pod.ip]).await;
            pods.push(pod);
        }
        let change = |settings: &mut ListenerSettings| settings.protocol = protocol.clone();
        let listener = bed.listen_with(&lb, 5353, vec![forward_to([group.arn.as_str()])], change).await;
        bed.healthy(&group, 2).await;
        let at = bed.address(&listener).await;
        let mut names = Vec::new();
        for _ in 0..20 {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let mut flow = Vec::new();
            for message in ["one", "two", "three"] {
                let mut buffer = [0; 64];
                socket.send_to(message.as_bytes(), at).await.unwrap();
                let received = tokio::time::timeout(PATIENCE, socket.recv_from(&mut buffer)).await.unwrap();
                let (length, from) = received.unwrap();
                assert_eq!(from, at);
                let answer = String::from_utf8(buffer[..length].to_vec()).unwrap();
                let (name, text) = answer.split_once(' ').unwrap();
                assert_eq!(text, message);
                flow.push(name.to_owned());
            }
            flow.dedup();
            assert_eq!(flow.len(), 1, "a flow stays with its target");
            names.extend(flow);
        }
        names.sort();
        names.dedup();
        assert_eq!(names, ["a", "b"], "{protocol}");
        let connected = TcpStream::connect(at).await;
        if protocol == Protocol::Udp {
            assert!(connected.is_err());
        } else {
            let mut line = String::new();
            BufReader::new(connected.unwrap()).read_line(&mut line).await.unwrap();
            assert!(line.starts_with("a ") || line.starts_with("b "), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_keeps_its_target_where_the_source_decides() {
    let bed = Bed::new().await;
    let lb = bed.nlb_in_a().await;
    let group = bed.group(Protocol::Tcp).await;
    bed.set_group(&group, &[("stickiness.enabled", "true"), ("stickiness.type", "source_ip")]).await;
    let mut pods = Vec::new();
    for name in ["a", "b", "c"] {
        let pod = bed.pod(name, 'a', Speaks::Tcp).await;
        bed.register(&group, &[pod.ip]).await;
        pods.push(pod);
    }
    let listener = bed.listen(&lb, 8080, vec![forward_to([group.arn.as_str()])]).await;
    bed.healthy(&group, 3).await;
    let at = bed.address(&listener).await;
    let mut all = Vec::new();
    for client in 1..=20_u8 {
        let mut seen = Vec::new();
        for _ in 0..5 {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::from(([127, 51, 0, client], 0))).unwrap();
            let mut line = String::new();
            BufReader::new(socket.connect(at).await.unwrap()).read_line(&mut line).await.unwrap();
            seen.push(line.split(' ').next().unwrap().to_owned());
        }
        seen.dedup();
        assert_eq!(seen.len(), 1, "client {client}: {seen:?}");
        all.extend(seen);
    }
    all.sort();
    all.dedup();
    assert_eq!(all, ["a", "b", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_nlb_passes_on_to_an_alb() {
    let bed = Bed::new().await;
    let alb = bed.alb().await;
    let pods_group = bed.group(Protocol::Http).await;
    let _pods = bed.pods(&pods_group, &["a"]).await;
    bed.listen(&alb, 8080, vec![forward_to([pods_group.arn.as_str()])]).await;
    let nlb = bed.nlb_in_a().await;
    let front = bed
        .group_with(Protocol::Tcp, |wanted| {
            wanted.target_type = TargetType::Alb;
            wanted.port = Some(8080);
        })
        .await;
    let target = Target { id: alb.arn.as_str().into(), port: Some(8080), ..Target::default() };
    bed.account
        .send(RegisterTargets { arn: front.arn.as_str().into(), targets: vec![target] })
        .await
        .unwrap();
    let listener = bed.listen(&nlb, 8080, vec![forward_to([front.arn.as_str()])]).await;
    bed.healthy(&front, 1).await;
    assert_eq!(get(bed.address(&listener).await).await.pod(), "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_come_and_go() {
    let bed = Bed::new().await;
    let lb = bed.alb().await;
    let listener = bed.listen(&lb, 8080, vec![aws_sim::contract::not_found()]).await;
    let at = bed.address(&listener).await;
    assert_eq!(get(at).await.status, 404);
    let mut moved = aws_sim::contract::plain_settings(&lb, 8090, vec![aws_sim::contract::not_found()]);
    moved.protocol = Protocol::Http;
    bed.account.send(ModifyListener { arn: listener.arn.as_str().into(), settings: moved }).await.unwrap();
    until("the old port is closed", || async { TcpStream::connect(at).await.is_err() }).await;
    until("the new port is open", || async { bed.plane.addresses(&lb.dns_name, 8090).len() == 2 }).await;
    assert_eq!(bed.plane.addresses(&lb.dns_name, 8080), []);
    bed.account.send(DeleteListener { arn: listener.arn.as_str().into() }).await.unwrap();
    until("nothing listens", || async { bed.plane.reachable().is_empty() }).await;
    drop(bed);
    tokio::time::sleep(Duration::from_millis(10)).await;
}
