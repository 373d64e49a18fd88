//! What the kernel tells about a server's memory: which pages were written (pre-copy, hybrid), and that a page is touched which is
//! not there yet (post-copy, hybrid). Tried on a few pages.

use super::{Check, Needs};
use zerogap_server_app::region::Tracking;
use zerogap_server_app::{Memory as _, PAGE_LEN, PageSet, Prior, Region};

const PAGES: usize = 4;

pub(super) fn checks(needs: &Needs) -> Vec<Check> {
    match Region::new(PAGES * PAGE_LEN, Prior::FloorPlan) {
        Ok(mut region) => vec![written_pages(&mut region), lazy_memory(&mut region, needs.lazy_memory)],
        Err(error) => vec![Check::fail("written-pages", error.to_string(), "free memory")],
    }
}

fn written_pages(region: &mut Region) -> Check {
    let tracking = region.follow();
    region.unfollow();
    match tracking {
        Tracking::Kernel => Check::ok("written-pages", "the kernel tells which pages were written"),
        Tracking::WritePath => Check::warn(
            "written-pages",
            "the kernel does not tell which pages were written: with pre-copy and hybrid the app keeps account of them itself",
            "use Linux 6.7 or newer, and allow userfaultfd",
        ),
    }
}

fn lazy_memory(region: &mut Region, needed: bool) -> Check {
    let lazy = region.make_lazy(&PageSet::all(region.pages())).map(drop);
    region.end_lazy();
    let Err(error) = lazy else {
        return Check::ok("lazy-memory", "pages can be fetched when they are touched");
    };
    let what = format!("pages cannot be fetched when they are touched ({error}): no post-copy, no hybrid");
    let mend =
        "sysctl vm.unprivileged_userfaultfd=1, or allow the system call userfaultfd where it is filtered";
    if needed { Check::fail("lazy-memory", what, mend) } else { Check::warn("lazy-memory", what, mend) }
}
