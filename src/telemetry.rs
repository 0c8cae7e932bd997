//! Logs: one JSON object a line on stderr, with the keys that upstream's logger (zap) writes: `level`, `ts`, `logger`, `msg`,
//! then the fields. The logger is the event's target; fields of the spans around an event count as its own.

mod line;

use line::Fields;
use std::backtrace::Backtrace;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::{Event, Level, Metadata, Subscriber, span};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Scope};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, filter};

/// How much to log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// What operators need.
    #[default]
    Info,
    /// What developers need.
    Debug,
}

impl LogLevel {
    /// The level of a flag; as upstream, anything but `debug` is `info`.
    pub fn from_flag(text: &str) -> Self {
        if text == "debug" { Self::Debug } else { Self::Info }
    }

    fn level(self) -> Level {
        match self {
            Self::Info => Level::INFO,
            Self::Debug => Level::DEBUG,
        }
    }
}

/// What a log line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object.
    #[default]
    Json,
    /// For people at a terminal.
    Human,
}

/// Whether everything is logged for the time being, whatever the flag says.
static VERBOSE: AtomicBool = AtomicBool::new(false);

/// Libraries whose logs are noise below warnings.
const LIBRARIES: &[&str] =
    &["aws_", "h2", "hyper", "kube", "mio", "rustls", "tokio", "tower", "tonic", "want"];

/// Sends the logs of this process to stderr. Only the first call of a process has an effect.
pub fn init(level: LogLevel, format: LogFormat) {
    let _ = match format {
        LogFormat::Json => subscriber(level, std::io::stderr).try_init(),
        LogFormat::Human => {
            let is_terminal = std::io::stderr().is_terminal();
            let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(is_terminal);
            Registry::default().with(lines.with_filter(wanted(level))).try_init()
        }
    };
}

/// Logs everything from now on, or again only what the flag says. Answers whether it is everything.
pub fn toggle_verbose() -> bool {
    let is_verbose = !VERBOSE.fetch_xor(true, Ordering::Relaxed);
    // why: what was decided about each place that logs is remembered there
    tracing::callsite::rebuild_interest_cache();
    is_verbose
}

/// Has a panic end the process, with its message and a trace in the log. Whatever is left after one is not to be trusted, and
/// a worker that is gone would go unnoticed.
pub fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let trace = Backtrace::force_capture();
        tracing::error!(target: "panic", %panic, %trace, "this is a bug: the process ends");
        std::process::abort();
    }));
}

/// A subscriber that writes to what `writer` opens.
pub fn subscriber<W, F>(level: LogLevel, writer: F) -> impl Subscriber + Send + Sync
where
    W: Write,
    F: Fn() -> W + Send + Sync + 'static,
{
    Registry::default().with(Lines { writer }.with_filter(wanted(level)))
}

fn wanted(level: LogLevel) -> filter::FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    let level_now = move || if VERBOSE.load(Ordering::Relaxed) { Level::DEBUG } else { level.level() };
    filter::filter_fn(move |metadata| is_wanted(metadata, level_now())).with_max_level_hint(Level::DEBUG)
}

fn is_wanted(metadata: &Metadata<'_>, level: Level) -> bool {
    let target = metadata.target();
    // why: this crate's own name starts like an SDK's
    let own = target.starts_with(env!("CARGO_CRATE_NAME"));
    let library = !own && LIBRARIES.iter().any(|library| target.starts_with(library));
    *metadata.level() <= if library { Level::WARN } else { level }
}

/// A layer that writes a line for every event.
struct Lines<F> {
    writer: F,
}

impl<S, W, F> Layer<S> for Lines<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Write,
    F: Fn() -> W + 'static,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.extend(of_span);
            }
        }
        event.record(&mut fields);
        if let Ok(mut line) = line::render_line(event.metadata(), &fields, crate::clock::now()) {
            line.push(b'\n');
            // why: there is nowhere to report that the log cannot be written
            let _ = (self.writer)().write_all(&line);
        }
    }
}

#[cfg(test)]
mod tests;
