//! What the user sees on the terminal.

use std::{
    future::Future,
    io::{IsTerminal as _, Write as _, stdout},
    time::{Duration, Instant},
};

use anyhow::Result;

/// Prints steps, ticks and times; or nothing, in tests.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    loud: bool,
    live: bool,
}

/// The width at which times are aligned.
const WIDTH: usize = 88;

/// The longest time without a line.
const SILENCE: Duration = Duration::from_secs(15);

impl Progress {
    /// Prints to the terminal, or plain lines where there is none.
    pub fn terminal() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some() || std::env::var_os("CI").is_some();
        Self { loud: true, live: stdout().is_terminal() && !plain }
    }

    /// Prints nothing.
    pub fn silent() -> Self {
        Self { loud: false, live: false }
    }

    /// A headline.
    pub fn title(self, text: &str) {
        self.line(&format!("\n{}\n", self.paint("1", text)));
    }

    /// A step begins.
    pub fn step(self, number: usize, title: &str) {
        self.line(&format!("\n{}  {}", self.paint("1;36", &format!("{number:>2}")), self.paint("1", title)));
    }

    /// Something to read, indented under the step.
    pub fn note(self, text: &str) {
        text.lines().for_each(|line| self.line(&format!("      {}", self.paint("2", line))));
    }

    /// Something that is so.
    pub fn tick(self, what: &str, took: Duration) {
        let padding = " ".repeat(WIDTH.saturating_sub(what.chars().count()));
        let time = self.paint("2", &format!("{:>6.2} s", took.as_secs_f64()));
        self.line(&format!("    {} {what}{padding}{time}", self.paint("32", "✓")));
    }

    /// Something that is not so.
    pub fn cross(self, what: &str) {
        self.line(&format!("    {} {what}", self.paint("31", "✗")));
    }

    /// Shows what is awaited, and a tick or cross when it has ended.
    pub async fn watch<T>(self, what: &str, future: impl Future<Output = Result<T>>) -> Result<T> {
        let started = Instant::now();
        self.transient(what);
        let result = self.with_signs_of_life(what, started, future).await;
        self.erase();
        match &result {
            Ok(_) => self.tick(what, started.elapsed()),
            Err(_) => self.cross(what),
        }
        result
    }

    /// Says every 15 s that something is still awaited.
    async fn with_signs_of_life<T>(self, what: &str, started: Instant, future: impl Future<Output = T>) -> T {
        let mut ticks = tokio::time::interval_at((started + SILENCE).into(), SILENCE);
        tokio::pin!(future);
        loop {
            tokio::select! {
                result = &mut future => return result,
                _ = ticks.tick() => {
                    self.erase();
                    self.line(&format!("    … {what}: waiting for {} s", started.elapsed().as_secs()));
                    self.transient(what);
                }
            }
        }
    }

    fn transient(self, what: &str) {
        if self.live {
            print!("    {} {what}", self.paint("33", "…"));
            // A terminal that cannot be written to shows nothing; there is nobody to tell.
            let _ = stdout().flush();
        }
    }

    fn erase(self) {
        if self.live {
            print!("\r\x1b[2K");
        }
    }

    fn line(self, text: &str) {
        if self.loud {
            println!("{text}");
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.live { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
