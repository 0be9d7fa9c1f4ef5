//! Commands about the program itself: doctor, completions, man; and that messages say what to do.

use super::*;

#[test]
fn doctor_says_what_the_machine_offers_and_how_fast_it_multiplies() {
    let here = folder();
    let output = stopgrad(here.path(), &["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let document = document(&output);
    assert_eq!(document["command"], "doctor");
    assert_eq!(document["build"]["train"], cfg!(feature = "train"));
    assert!(document["build"]["rustc"].as_str().expect("text").starts_with("rustc 1."));
    assert_eq!(document["build"]["burn"].is_string(), cfg!(feature = "train"));
    assert!(document["threads"]["used"].as_u64() >= Some(1));
    for kind in ["f32", "f64"] {
        for threads in ["one_thread", "all_threads"] {
            assert!(document["products"]["gigaflops"][kind][threads].as_f64() > Some(0.01), "{kind} {threads}");
        }
    }
    let told = stdout(&stopgrad(here.path(), &["doctor"]));
    for part in ["rustc", "kernels use", "threads", "GFLOP/s", "faer"] {
        assert!(told.contains(part), "{part} is missing:\n{told}");
    }
    assert_eq!(std::fs::read_dir(here.path()).expect("listed").count(), 0, "it changes nothing");
}

#[test]
fn doctor_tells_of_threads_that_are_not_used() {
    let here = folder();
    let told = printed_by_threads(here.path(), "1", &["doctor"]);
    assert!(told.contains("threads      1 of "), "{told}");
    let several = std::thread::available_parallelism().is_ok_and(|threads| threads.get() > 1);
    assert_eq!(told.contains("RAYON_NUM_THREADS"), several, "{told}");
}

#[test]
fn completions_name_every_command() {
    let here = folder();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = stdout(&stopgrad(here.path(), &["completions", shell]));
        for word in ["landscape", "weight-decay", "doctor"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    assert!(refused(here.path(), &["completions", "cmd"]).contains("bash"));
}

#[test]
fn manual_pages_are_written_and_written_again() {
    let here = folder();
    for _ in 0..2 {
        let output = stopgrad(here.path(), &["man", "--out", "man/man1", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let pages = document(&output)["pages"].as_array().expect("pages").len();
        assert_eq!(std::fs::read_dir(here.path().join("man/man1")).expect("listed").count(), pages);
        assert!(pages > 15, "{pages}");
    }
    let page = std::fs::read_to_string(here.path().join("man/man1/stopgrad-flow.1")).expect("a page");
    assert!(page.contains("stopgrad\\-flow") && page.contains("weight\\-decay"), "{page}");
}

/// A sample of the mistakes that are made, each with the words that get a person out of it.
#[test]
fn messages_say_what_to_do_next() {
    let here = folder();
    let write = |name: &str, text: &str| std::fs::write(here.path().join(name), text).expect("written");
    write("empty.csv", "");
    write("numbers.csv", "1,2\n3,4\n5,6\n");
    write("semicolons.csv", "a;b\n1;2\n");
    write("words.csv", "a,b\nx,y\nz,w\n");
    write("good.csv", "a,b\n1,2\n3,4\n");
    write("x.npy", "no array");
    write("x.npz", "no archive");
    write("notes.txt", "words");
    write("m.json", "{\"xx\": [[1.0]]}");
    write("lower.json", "{\"xx\": [[1, 2], [3, 1]], \"yx\": [[1, 0], [0, 1]]}");
    std::fs::create_dir(here.path().join("nothing")).expect("made");
    std::fs::create_dir(here.path().join("taken")).expect("made");
    write("taken/thesis.tex", "words");
    for (words, remedy) in [
        (&["data", "nowhere"][..], "check the path"),
        (&["data", "empty.csv"], "at least"),
        (&["data", "numbers.csv"], "add a line such as"),
        (&["data", "semicolons.csv"], "save the table again with commas"),
        (&["data", "words.csv"], "remove the column"),
        (&["data", "good.csv", "--label-column", "c"], "name one of them with --label-column"),
        (&["data", "x.npy"], "save it with numpy.save"),
        (&["data", "x.npz"], "copy it again"),
        (&["data", "notes.txt"], "known are"),
        (&["data", "nothing"], "convert the folder to .npz"),
        (&["data", "digits", "--views", "photograph"], "there are"),
        (&["moments", "digits", "--out", "m.txt"], "name it so"),
        (&["predict", "m.json", "--weight-decay", "0.1"], "needs it"),
        (&["predict", "lower.json", "--weight-decay", "0.1"], "symmetri"),
        (&["predict", "nowhere.npz", "--weight-decay", "0.1"], "check that the path exists"),
        (&["man", "--out", "notes.txt/man"], "choose another with --out"),
    ] {
        let message = refused(here.path(), words);
        assert!(message.contains(remedy), "{words:?} does not say `{remedy}`: {message}");
    }
    #[cfg(feature = "train")]
    for (words, remedy) in [
        (&["train", "digits", "--set", "training"][..], "such as optimizer.learning_rate=0.02"),
        (&["train", "digits", "--out", "taken"], "Choose another --out"),
        (&["train", "digits", "--config", "nowhere.toml"], "check the path"),
        (&["train", "digits", "--set", "training.steps.more=1"], "the keys of `training` are"),
        (&["compare", "digits", "--runs", "sg; sg"], "give each a name of its own"),
        (&["report", "nothing"], "name one that train or compare wrote"),
        (&["embed", "nothing", "digits", "--out", "e.npy"], "name the folder that"),
    ] {
        let message = refused(here.path(), words);
        assert!(message.contains(remedy), "{words:?} does not say `{remedy}`: {message}");
    }
}
