//! A simulator of the AWS APIs that the controller uses.
