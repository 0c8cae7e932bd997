//! A server that answers by script.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Heard {
    pub headers: HeaderMap,
    pub body: String,
}

impl Heard {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The form of a Query request, sorted as sent, one `name=value` each, decoded.
    pub fn form(&self) -> Vec<String> {
        form_urlencoded::parse(self.body.as_bytes()).map(|(name, value)| format!("{name}={value}")).collect()
    }
}

#[derive(Clone, Default)]
struct Book {
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// The server. It ends with the test's runtime.
pub struct Script {
    url: String,
    book: Book,
    _server: tokio::task::JoinSet<()>,
}

impl Script {
    /// Answers these, in this order, whatever is asked.
    pub async fn start(answers: impl IntoIterator<Item = (u16, &str)>) -> Self {
        let book = Book::default();
        book.answers
            .lock()
            .unwrap()
            .extend(answers.into_iter().map(|(status, body)| (status, body.to_owned())));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(book.clone());
        let mut server = tokio::task::JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, book, _server: server }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.book.heard.lock().unwrap().clone()
    }
}

async fn answer(
    State(book): State<Book>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    book.heard.lock().unwrap().push(Heard { headers, body: String::from_utf8(body.to_vec()).unwrap() });
    let (status, body) =
        book.answers.lock().unwrap().pop_front().unwrap_or((599, "the script is over".to_owned()));
    (StatusCode::from_u16(status).unwrap(), [("x-amzn-requestid", "request-1")], body)
}
