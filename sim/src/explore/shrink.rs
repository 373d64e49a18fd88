//! Shrinking: leaves out of a plan whatever its violation does not need, so that what is left can be understood.

use super::{ExploreError, Explored, Ground};
use crate::check::Guarantee;

/// The smallest plan found that still breaks one of the same guarantees, and its run. Parts are left out one by one, again and
/// again until none can be spared.
///
/// # Errors
/// A run could not be carried out.
pub fn shrink(ground: &Ground, found: Explored) -> Result<Explored, ExploreError> {
    let broken: Vec<Guarantee> = found.judged.violations.iter().map(|v| v.guarantee).collect();
    let mut smallest = found;
    let mut part = 0;
    while part < smallest.plan.parts() {
        let less = ground.run(smallest.plan.without(part))?;
        if less.judged.violations.iter().any(|violation| broken.contains(&violation.guarantee)) {
            smallest = less;
            part = 0;
        } else {
            part += 1;
        }
    }
    Ok(smallest)
}
