//! Ids that look like AWS's and are the same in every run.

/// A counter whose numbers are scattered, so that ids are not in order of creation (as AWS's are not).
#[derive(Clone, Debug, Default)]
pub(crate) struct Ids {
    issued: u64,
}

impl Ids {
    /// `digits` hexadecimal digits that no earlier call returned (as long as there are at least sixteen).
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let numbers = (0..digits.div_ceil(16)).map(|_| format!("{:016x}", self.number()));
        let mut text: String = numbers.collect();
        text.truncate(digits);
        text
    }

    /// An EC2 id, for example `sg-0123456789abcdef0`.
    pub(crate) fn ec2(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{}", self.hex(16))
    }

    /// A UUID, as request ids and certificate ids are.
    pub(crate) fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
        format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
    }

    /// A scattered number: a step of the SplitMix64 generator.
    pub(crate) fn number(&mut self) -> u64 {
        self.issued += 1;
        let mut z = self.issued.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
