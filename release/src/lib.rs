//! Writes the container image, without a daemon, and gathers what a release consists of.
//!
//! Everything is written reproducibly: the same inputs give the same bytes, on every machine and at every time.
// why: this is a tool; the bans of clippy.toml are for the product.
#![allow(clippy::disallowed_methods)]
// why: what is indexed is JSON, which answers null for what is not there.
#![allow(clippy::indexing_slicing)]

pub mod archive;
pub mod image;
pub mod layout;
pub mod package;
pub mod sbom;
