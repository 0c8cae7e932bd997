//! Clients that open connections and do not read, or send nothing: they keep no place and no memory, and nobody from the pages.

use super::estate::large;
use super::{Served, TOKEN};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

/// Long enough for any loaded machine.
const PATIENCE: Duration = Duration::from_mins(3);
/// Pages that may follow the topology at a time.
const PAGES: usize = 16;

fn follow() -> String {
    format!("GET /api/topology HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\r\n")
}

/// A client for which the kernel takes next to nothing while it does not read.
async fn connect(served: &Served) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(served.address).await.unwrap()
}

#[tokio::test]
async fn pages_that_are_not_read_lose_their_places() {
    let served = Served::begin();
    served.shown.show(large(false));
    let mut stalled = Vec::new();
    for _ in 0..PAGES {
        let mut page = connect(&served).await;
        page.write_all(follow().as_bytes()).await.unwrap();
        let mut begin = [0; 15];
        page.read_exact(&mut begin).await.unwrap();
        assert_eq!(begin, *b"HTTP/1.1 200 OK");
        stalled.push(page);
    }
    assert_eq!(served.get("/api/about").await.0, 200, "other questions are answered meanwhile");
    // One more page waits until it has the place of one that does not read.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut page = connect(&served).await;
        page.write_all(follow().as_bytes()).await.unwrap();
        let mut begin = [0; 12];
        page.read_exact(&mut begin).await.unwrap();
        if begin == *b"HTTP/1.1 200" {
            assert!(reads_everything(&mut page).await, "the page gets everything");
            break;
        }
        assert_eq!(begin, *b"HTTP/1.1 503");
        assert!(Instant::now() < deadline, "places are held for ever");
        sleep(Duration::from_millis(100)).await;
    }
    for page in &mut stalled {
        let mut rest = Vec::new();
        // why: that its end is an error is as good
        let ended = timeout(PATIENCE, page.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the connection stays open");
    }
}

/// Whether a page that reads comes to the head, which is the last of what it gets.
async fn reads_everything(page: &mut TcpStream) -> bool {
    let (mut text, mut part) = (Vec::new(), vec![0; 64 * 1024]);
    let all = async {
        while !text.windows(12).any(|window| window == b"event: head\n") {
            let read = page.read(&mut part).await.unwrap();
            text = [&text[text.len().saturating_sub(12)..], &part[..read]].concat();
            if read == 0 {
                return false;
            }
        }
        true
    };
    timeout(PATIENCE, all).await.unwrap()
}

#[tokio::test]
async fn connections_that_ask_nothing_keep_nobody_away() {
    let served = Served::begin();
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(connect(&served).await);
    }
    for _ in 0..5 {
        assert_eq!(timeout(PATIENCE, served.get("/api/about")).await.unwrap().0, 200);
    }
    let open = async {
        let mut open = 0;
        for stream in &mut silent {
            let end = timeout(Duration::from_millis(1), stream.read(&mut [0; 1])).await;
            open += usize::from(end.is_err());
        }
        open
    };
    assert!(open.await <= 64, "more connections are kept than are allowed");
}

#[tokio::test]
async fn half_a_question_keeps_nobody_away() {
    let served = Served::begin();
    let mut halves = Vec::new();
    for _ in 0..100 {
        let mut half = connect(&served).await;
        // why: connections are closed while others are opened
        let _ = half.write_all(b"GET /api/plan HTTP/1.1\r\nhost: loc").await;
        halves.push(half);
    }
    for _ in 0..5 {
        assert_eq!(timeout(PATIENCE, served.get("/api/about")).await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn http2_is_not_spoken() {
    let served = Served::begin();
    let mut client = connect(&served).await;
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // why: that its end is an error is as good
    let _ = timeout(PATIENCE, client.read_to_end(&mut answer)).await.unwrap();
    assert!(!answer.starts_with(&[0, 0]), "an HTTP/2 frame of settings: {answer:?}");
}
