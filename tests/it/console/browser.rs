//! A Chromium that is driven over WebDriver. Source: <https://www.w3.org/TR/webdriver2/>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use harness::assets::repository;
use harness::http::free_address;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Long enough for any loaded machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A browser with one window.
pub struct Browser {
    client: Client<HttpConnector, Full<Bytes>>,
    driver: SocketAddr,
    session: String,
    axe: String,
    _process: tokio::process::Child,
}

impl Browser {
    /// Starts one; what is missing is installed first. `None`: it cannot be installed here.
    pub async fn start() -> Option<Self> {
        let setup = Command::new(repository().join("tests/browser/setup.sh"))
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        if setup.status.code() == Some(3) {
            return None;
        }
        assert!(setup.status.success(), "there is no browser to test with");
        let paths = String::from_utf8(setup.stdout).unwrap();
        let [chromium, chromedriver, axe] = paths.lines().collect::<Vec<_>>()[..] else { panic!("{paths}") };
        let driver = free_address().await.unwrap();
        let process = tokio::process::Command::new(chromedriver)
            .arg(format!("--port={}", driver.port()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut browser = Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            driver,
            session: String::new(),
            axe: std::fs::read_to_string(axe).unwrap(),
            _process: process,
        };
        browser.wait_for_driver().await;
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1280,800",
            "--lang=en",
        ];
        let options = json!({"binary": chromium, "args": arguments});
        let wanted = json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}, "timeouts": {"script": 120_000}});
        let opened =
            browser.call("POST", "/session", &json!({"capabilities": {"alwaysMatch": wanted}})).await;
        browser.session = format!("/session/{}", opened["sessionId"].as_str().unwrap());
        Some(browser)
    }

    async fn wait_for_driver(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.exchange("GET", "/status", String::new()).await.is_err() {
            assert!(Instant::now() < deadline, "the driver does not answer");
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let (status, mut answer) = self.exchange(method, path, body).await.unwrap();
        assert_eq!(status, 200, "{method} {path}: {}", answer["value"]["message"]);
        answer["value"].take()
    }

    async fn exchange(&self, method: &str, path: &str, body: String) -> anyhow::Result<(u16, Value)> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.driver))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let answer = self.client.request(request).await?;
        let (head, body) = answer.into_parts();
        Ok((head.status.as_u16(), serde_json::from_slice(&body.collect().await?.to_bytes())?))
    }

    async fn of_session(&self, method: &str, path: &str, body: &Value) -> Value {
        self.call(method, &format!("{}{path}", self.session), body).await
    }

    /// Opens a page in a tab that has seen nothing.
    pub async fn open(&self, url: &str) {
        // why: a URL that differs by its fragment alone would not be loaded
        self.of_session("POST", "/url", &json!({"url": "about:blank"})).await;
        self.of_session("POST", "/url", &json!({"url": url})).await;
    }

    /// What a script returns.
    pub async fn run(&self, script: &str) -> Value {
        self.of_session("POST", "/execute/sync", &json!({"script": script, "args": []})).await
    }

    /// Waits until an expression is true.
    pub async fn wait(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.run(&format!("return Boolean({expression})")).await != true {
            assert!(
                Instant::now() < deadline,
                "never true: {expression}\n{}",
                self.run("return document.body.innerText").await
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Presses a key on what has the focus. Source: <https://www.w3.org/TR/webdriver2/#keyboard-actions>
    pub async fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
            })
            .collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.of_session("POST", "/actions", &json!({"actions": [keyboard]})).await;
    }

    /// What the page's console says since the last call: errors, and what its policy forbids.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.of_session("POST", "/se/log", &json!({"type": "browser"})).await;
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// What axe finds wrong with the page as it is.
    pub async fn violations(&self) -> Value {
        self.run(&self.axe).await;
        let script = "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => \
                      done(violations.map(({ id, help, nodes }) => [id, help, nodes.map(({ html }) => html)])), (error) => done(String(error)))";
        self.of_session("POST", "/execute/async", &json!({"script": script, "args": []})).await
    }

    /// Keeps a picture for the documentation, when it is to be written anew.
    pub async fn picture(&self, name: &str) {
        let taken = self.of_session("GET", "/screenshot", &Value::Null).await;
        let picture = STANDARD.decode(taken.as_str().unwrap()).unwrap();
        assert!(picture.len() > 10_000, "{name}: there is nothing on the picture");
        #[expect(clippy::disallowed_methods, reason = "a switch of these tests alone")]
        let is_to_be_kept = std::env::var_os("UPDATE_GOLDEN").is_some();
        if is_to_be_kept {
            std::fs::write(repository().join("docs/images").join(name), picture).unwrap();
        }
    }

    /// Ends the session, and with it the browser.
    pub async fn close(self) {
        self.of_session("DELETE", "", &json!({})).await;
    }
}
