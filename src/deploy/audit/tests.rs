use super::{AuditPeriods, CallBudget};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn audits_make_half_a_call_a_second_in_the_long_run() {
    let budget = CallBudget::new(&AuditPeriods::default());
    let began = Instant::now();
    for _ in 0..10 {
        budget.spend(3).await;
    }
    assert_eq!(began.elapsed(), Duration::ZERO, "what was saved may be spent at once");
    for _ in 0..100 {
        budget.spend(3).await;
    }
    assert_eq!(began.elapsed().as_secs(), 600);
}
