//! `completion`: scripts with which shells complete the command line.

use crate::args::{CompletedShell, command};
use clap_complete::{Shell, generate};

/// The name under which the binary is called.
const PROGRAM: &str = "aws-load-balancer-controller";

/// The script for a shell.
pub fn script(shell: CompletedShell) -> String {
    let shell = match shell {
        CompletedShell::Bash => Shell::Bash,
        CompletedShell::Zsh => Shell::Zsh,
        CompletedShell::Fish => Shell::Fish,
    };
    let mut text = Vec::new();
    generate(shell, &mut command(), PROGRAM, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;
    use strum::VariantArray as _;

    #[test]
    fn every_shell_has_a_script_that_knows_commands_flags_and_values() {
        for shell in CompletedShell::VARIANTS {
            let script = script(*shell);
            for word in ["status", "doctor", "all-namespaces", "cluster-name", "yaml", "markdown"] {
                assert!(script.contains(word), "{shell:?}: {word}");
            }
        }
    }
}
