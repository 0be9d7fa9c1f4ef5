//! `stopgrad watch`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::diagnose::{stream, write};
use super::{document, folder, stderr, stdout, stopgrad};

fn healthy(path: &Path) {
    write(path, &[200, 8], stream(1, 1600));
}

fn collapsed(path: &Path) {
    write(path, &[200, 8], vec![0.5; 1600]);
}

/// Later drops must not have the time of earlier ones.
fn pause() {
    std::thread::sleep(Duration::from_millis(30));
}

#[test]
fn drops_are_told_in_their_order_and_a_change_is_warned_of_once() {
    let here = folder();
    let drops = here.path().join("drops");
    std::fs::create_dir(&drops).expect("a folder");
    // Names against the order of time.
    healthy(&drops.join("z.npy"));
    pause();
    collapsed(&drops.join("y.npy"));
    pause();
    collapsed(&drops.join("x.npy"));
    pause();
    std::fs::write(drops.join("cut.npz"), b"PK\x03\x04").expect("written");
    std::fs::write(drops.join(".half.npz"), b"PK").expect("written");
    std::fs::write(drops.join("notes.txt"), b"no array").expect("written");
    let output = stopgrad(here.path(), &["watch", "drops", "--once"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stderr(&output);
    let lines: Vec<&str> = told.lines().collect();
    let beginnings =
        ["z.npy: collapses: no, 8 alive", "y.npy: collapses: complete", "warning: was `collapses: no`", "x.npy: "];
    for (line, beginning) in lines.iter().zip(beginnings) {
        assert!(line.starts_with(beginning), "{told}");
    }
    assert!(told.contains("left out: ") && told.contains("cut.npz") && !told.contains(".half"), "{told}");
    assert!(stdout(&output).starts_with("3 drops, 1 left out, 1 change of the answer; the last: collapses: complete"));
    let output = stopgrad(here.path(), &["watch", "drops", "--once", "--json", "--fail-on", "collapses", "--quiet"]);
    assert_eq!(output.status.code(), Some(1));
    let found = document(&output);
    assert_eq!((found["drops"].as_array().expect("drops").len(), &found["ended"]), (3, &"collapsed".into()));
    let change = &found["changes"][0];
    assert_eq!((&change["from"], &change["to"]), (&"collapses: no".into(), &"collapses: complete".into()));
    assert!(change["file"].as_str().expect("a file").ends_with("y.npy"));
}

#[test]
fn it_follows_until_a_collapse() {
    let here = folder();
    let drops = here.path().join("drops");
    std::fs::create_dir(&drops).expect("a folder");
    let child = Command::new(env!("CARGO_BIN_EXE_stopgrad"))
        .current_dir(here.path())
        .args(["watch", "drops", "--fail-on", "collapses", "--time-limit", "60s", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    healthy(&drops.join("1.npy"));
    std::thread::sleep(Duration::from_millis(600));
    // Half a file first: it is waited for, not left out.
    let whole = {
        collapsed(&here.path().join("2.npy"));
        std::fs::read(here.path().join("2.npy")).expect("read")
    };
    std::fs::write(drops.join("2.npy"), &whole[..500]).expect("written");
    std::thread::sleep(Duration::from_millis(600));
    std::fs::write(drops.join("2.npy"), &whole).expect("written");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let found = document(&output);
    assert_eq!((&found["ended"], &found["left_out"]), (&"collapsed".into(), &serde_json::json!([])));
    assert_eq!(found["drops"].as_array().expect("drops").len(), 2);
}

#[test]
fn nothing_new_ends_it_where_that_was_asked_for() {
    let here = folder();
    let output = stopgrad(here.path(), &["watch", ".", "--idle", "1s"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("0 drops") && stdout(&output).contains("ended by --idle"));
    let output = stopgrad(here.path(), &["watch", "nowhere", "--once"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("nowhere") && stderr(&output).contains("check that the path exists"));
}
