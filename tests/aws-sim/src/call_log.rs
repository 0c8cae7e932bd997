//! The log of calls: what was asked, when, and what became of it.

use aws_load_balancer_controller::aws_api::{Action, CloudError, Request};
use std::time::Duration;

tokio::task_local! {
    /// The access key id that the call at hand is signed with.
    pub(crate) static CALLER: String;
}

/// One call that reached the simulator.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it arrived, since the world began.
    pub at: Duration,
    /// The access key id it was signed with; `None` in process.
    pub caller: Option<String>,
    /// What was asked.
    pub request: Request,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was performed and answered.
    Done,
    /// The world refused it with this error code.
    Refused(String),
    /// A fault failed it with this error code; it took no effect.
    Failed(String),
    /// A fault swallowed the answer; it did take effect.
    AnswerLost,
    /// A fault kept it from arriving; it took no effect.
    NeverArrived,
}

impl Call {
    /// The operation.
    pub fn action(&self) -> Action {
        self.request.action()
    }

    /// Whether the operation changes anything.
    pub fn is_write(&self) -> bool {
        self.action().is_write()
    }

    /// The error code the caller saw, if AWS or a fault answered with one.
    pub fn error_code(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Refused(code) | Outcome::Failed(code) => Some(code),
            Outcome::Done | Outcome::AnswerLost | Outcome::NeverArrived => None,
        }
    }
}

impl Outcome {
    /// The outcome of a call that the world saw.
    pub(crate) fn of<T>(answer: &Result<T, CloudError>) -> Self {
        match answer {
            Ok(_) => Self::Done,
            Err(error) => Self::Refused(error.code().unwrap_or("Unresolved").to_owned()),
        }
    }
}
