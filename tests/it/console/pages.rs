//! The pages in a browser: what people do on them, with mouse, keyboard and screen reader.

use super::browser::Browser;
use super::estate::{large, small};
use super::{Served, TOKEN};
use serde_json::json;

/// Keys of the keyboard, as WebDriver has them.
const DOWN: &str = "\u{E015}";
const RIGHT: &str = "\u{E014}";
const ENTER: &str = "\u{E007}";
const ESCAPE: &str = "\u{E00C}";
const END: &str = "\u{E010}";

/// One browser for all: it takes longer to start than to use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_work_in_a_browser() {
    let Some(browser) = Browser::start().await else {
        eprintln!("NOT RUN: there is no browser, and none can be installed here");
        return;
    };
    let served = Served::begin();
    topology(&served, &browser).await;
    five_thousand_targets(&served, &browser).await;
    first_paint(&served, &browser).await;
    plan(&served, &browser).await;
    migration(&served, &browser).await;
    usage(&served, &browser).await;
    without_a_token(&served, &browser).await;
    browser.close().await;
}

/// Nothing on the page is wrong, in light and in dark.
async fn is_sound(browser: &Browser, what: &str) {
    for theme in ["dark", "light"] {
        browser.run(&format!("document.documentElement.dataset.theme = '{theme}'")).await;
        assert_eq!(browser.violations().await, json!([]), "{what}, {theme}");
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new(), "{what}");
}

async fn topology(served: &Served, browser: &Browser) {
    served.shown.show(small());
    browser.open(&served.url("/")).await;
    browser.wait("document.querySelectorAll('.row').length > 5").await;
    assert_eq!(
        browser.run("return location.href.includes('token')").await,
        false,
        "the token stays in the URL"
    );
    let secret = browser.run("return sessionStorage.getItem('console-token')").await;
    assert_eq!(secret, TOKEN);
    // States by shape and by word, not by colour alone.
    let shapes = browser.run("return [...new Set([...document.querySelectorAll('.shape')].map((e) => e.innerText.trim()[0]))].length >= 3").await;
    assert_eq!(shapes, true);
    // By keyboard: to the first, then down, then its details.
    browser.run("document.querySelector('.tree').focus()").await;
    browser.press(ENTER).await;
    browser.wait("document.querySelector('.detail h2')?.textContent === 'shop/tcp'").await;
    browser.wait("document.querySelector('.remedies li') && document.querySelector('.event.warning')").await;
    browser.picture("console-topology.png").await;
    browser.press(DOWN).await;
    browser.press(ENTER).await;
    browser.wait("document.querySelector('.detail h2')?.textContent === 'team'").await;
    is_sound(browser, "topology").await;
    // By name, host and state.
    search(browser, "front.example.com").await;
    browser
        .wait("[...document.querySelectorAll('.row .name')].some((e) => e.textContent === 'shop/front')")
        .await;
    search(browser, "no such thing").await;
    browser.wait("document.querySelectorAll('.row').length === 0").await;
    search(browser, "").await;
    browser.run("document.querySelector('[data-problem=unhealthy]').click()").await;
    browser.wait("document.querySelector('.tree').innerText.includes('Target.FailedHealthChecks')").await;
    browser.wait("!document.querySelector('.tree').innerText.includes('shop/broken')").await;
    browser.run("document.querySelector('[data-problem=unhealthy]').click()").await;
}

async fn search(browser: &Browser, text: &str) {
    let script = format!(
        "const field = document.getElementById('find'); field.value = '{text}'; field.dispatchEvent(new Event('input'))"
    );
    browser.run(&script).await;
}

async fn five_thousand_targets(served: &Served, browser: &Browser) {
    // What is open already changes without being loaded again.
    browser.run("window.wasHere = true").await;
    served.shown.show(large(false));
    browser.wait("document.querySelector('main').dataset.items > 6000").await;
    assert_eq!(browser.run("return window.wasHere").await, true);
    browser.wait("document.getElementById('summary').innerText.includes('9 unhealthy')").await;
    assert_eq!(
        browser.run("return document.querySelectorAll('.row').length < 100").await,
        true,
        "all rows are elements"
    );
    browser.run("document.querySelector('[data-problem=unhealthy]').click()").await;
    browser.wait("document.querySelector('.tree').innerText.includes('Target.Timeout')").await;
    is_sound(browser, "5,000 targets").await;
    browser.picture("console-unhealthy.png").await;
    served.shown.show(large(true));
    browser.wait("document.querySelectorAll('.row').length === 0").await;
    browser.run("document.querySelector('[data-problem=unhealthy]').click()").await;
    // To the last of 300, and into it.
    browser.run("document.querySelector('.tree').focus()").await;
    browser.press(END).await;
    browser.press(RIGHT).await;
    browser.press(DOWN).await;
    browser.wait("document.querySelector('.row.active')?.innerText.includes('k8s-app299')").await;
    // Everything open at once: 300 load balancers, 5,000 targets.
    search(browser, "10").await;
    browser.wait("document.querySelector('.tree').dataset.rows > 5000").await;
    assert_eq!(
        browser.run("return document.querySelectorAll('.row').length < 100").await,
        true,
        "all rows are elements"
    );
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// Tells how long it takes; docs/performance.md has the figures.
async fn first_paint(served: &Served, browser: &Browser) {
    served.shown.show(large(false));
    browser.open(&served.url("/")).await;
    browser.wait("document.querySelectorAll('.row').length > 10").await;
    let script = "const at = (name) => Math.round(performance.getEntriesByName(name)[0].startTime); \
                  return [at('first-contentful-paint'), at('topology')]";
    let figures = browser.run(script).await;
    eprintln!(
        "milliseconds from the request until the first paint, and until 300 load balancers are shown: {figures}"
    );
    assert!(figures[0].is_u64() && figures[1].is_u64(), "{figures}");
}

async fn plan(served: &Served, browser: &Browser) {
    browser.open(&served.url("/plan")).await;
    browser.wait("document.querySelector('button.main')").await;
    browser.run("document.querySelector('button.main').click()").await;
    browser.wait("document.querySelector('.result')?.innerText.includes('DeleteListener')").await;
    browser.wait("document.querySelector('.impact.loss')").await;
    let script = "document.getElementById('manifests').value = 'kind: Ingress'; document.querySelectorAll('.buttons button')[1].click()";
    browser.run(script).await;
    browser.wait("document.querySelector('.findings .error')?.innerText.includes('line 7')").await;
    is_sound(browser, "plan").await;
    browser.picture("console-plan.png").await;
}

async fn migration(served: &Served, browser: &Browser) {
    browser.open(&served.url("/migrate")).await;
    browser.wait("document.querySelectorAll('.cards li').length === 2").await;
    is_sound(browser, "namespaces").await;
    browser.run("document.querySelector('a.card-link').click()").await;
    browser.wait("document.querySelector('.pill.bad') && location.search === '?namespace=shop'").await;
    is_sound(browser, "gateways").await;
    browser.run("document.querySelector('a.card-link').click()").await;
    // Changed comes first, without what every migration changes.
    browser.wait("document.querySelector('[data-status=changed]')?.textContent === 'Changed 1'").await;
    browser.run("document.getElementById('hide-known').click()").await;
    browser.wait("document.querySelector('[data-status=changed]').textContent === 'Changed 2'").await;
    // A second click shows all.
    browser.run("document.querySelector('[data-status=changed]').click()").await;
    browser.wait("document.querySelector('[data-status=all]').getAttribute('aria-pressed') === 'true'").await;
    browser.run("document.querySelector('.card:not(.absent)').focus()").await;
    browser.press(ENTER).await;
    browser.wait("document.querySelector('.drawer:not([hidden]) tr.changed')").await;
    is_sound(browser, "comparison").await;
    browser.picture("console-migrate.png").await;
    browser.press(ESCAPE).await;
    browser
        .wait("document.querySelector('.drawer').hidden && document.activeElement.classList.contains('card')")
        .await;
    // Both exports are there, after a question.
    let clicks = "window.files = []; HTMLAnchorElement.prototype.click = function () { window.files.push(this.download) }; \
                  for (const place of [0, 1]) { document.querySelector('.bar > button').click(); document.querySelectorAll('dialog button')[place].click() } return window.files";
    let files = browser.run(clicks).await;
    assert_eq!(files, json!(["migration-report-shop-web.html", "migration-diff-shop-web.json"]));
    browser.run("history.back()").await;
    browser.wait("location.search === '?namespace=shop' && document.querySelector('.pill.bad')").await;
}

async fn usage(served: &Served, browser: &Browser) {
    browser.open(&served.url("/usage")).await;
    browser
        .wait("document.querySelectorAll('meter').length === 3 && document.querySelector('.members')")
        .await;
    is_sound(browser, "cost and limits").await;
    browser.picture("console-usage.png").await;
}

async fn without_a_token(served: &Served, browser: &Browser) {
    browser.open(&format!("http://{}/plan", served.address)).await;
    browser.run("sessionStorage.clear()").await;
    browser.open(&format!("http://{}/usage", served.address)).await;
    browser.wait("document.querySelector('[role=alert]')?.innerText.includes('token')").await;
}
