//! Server reflection: what is found by which question, and what is said of what is not.

use framescope::grpc::status::Status;
use framescope::protobuf::wire::Reader;

use crate::support::{Pair, ok, schema, services};

const V1: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const V1ALPHA: &str = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

fn pair() -> Pair {
    Pair::new(services(
        &schema(&[
            (
                "base.proto",
                "syntax = \"proto2\"; package base; message B { optional E e = 1; extensions 10 to 20; enum E { V = 0; } }",
            ),
            (
                "mid.proto",
                "syntax = \"proto3\"; package mid; import \"base.proto\"; message M { base.B b = 1; oneof o { int32 n = 2; } }",
            ),
            (
                "top.proto",
                "syntax = \"proto2\"; package top; import \"mid.proto\"; import \"base.proto\"; \
                 extend base.B { optional int32 x = 12; optional int32 y = 11; } \
                 service S { rpc Do(mid.M) returns (mid.M); }",
            ),
        ]),
        &[],
    ))
}

/// A request: a field and a text.
fn question(number: u8, text: &str) -> Vec<u8> {
    [&[number << 3 | 2, text.len() as u8], text.as_bytes()].concat()
}

fn extension(message: &str, number: u8) -> Vec<u8> {
    let inner = [question(1, message), vec![0x10, number]].concat();
    [&[5 << 3 | 2, inner.len() as u8], inner.as_slice()].concat()
}

fn fields(octets: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut reader = Reader::new(octets);
    let mut fields = Vec::new();
    while let Some(record) = reader.record().unwrap() {
        fields.push((record.number, octets[record.value_range()].to_vec()));
    }
    fields
}

/// The one answer to each question of one call.
fn ask(path: &str, questions: &[Vec<u8>]) -> Vec<(u32, Vec<u8>)> {
    let mut pair = pair();
    let call = pair.call(path, &[], &questions.iter().map(Vec::as_slice).collect::<Vec<_>>());
    pair.run(0);
    assert_eq!(pair.ended(call), ok());
    let answers: Vec<_> = pair.messages(call).iter().map(|answer| fields(answer)).collect();
    for (answer, question) in answers.iter().zip(questions) {
        assert!(answer.contains(&(2, question.clone())), "the question comes back");
    }
    answers.into_iter().map(|answer| answer.into_iter().find(|(number, _)| *number > 2).unwrap()).collect()
}

/// The names of the files of an answer.
fn files((number, answer): &(u32, Vec<u8>)) -> Vec<String> {
    assert_eq!(*number, 4);
    let name = |file: &[u8]| fields(file).into_iter().find(|(number, _)| *number == 1).unwrap().1;
    fields(answer).iter().map(|(_, file)| String::from_utf8(name(file)).unwrap()).collect()
}

#[test]
fn every_name_leads_to_its_file_and_what_that_imports() {
    for symbol in ["top.S", "top.S.Do", "top.x"] {
        let answers = ask(V1, &[question(4, symbol)]);
        assert_eq!(files(&answers[0]), ["top.proto", "mid.proto", "base.proto"], "{symbol}");
    }
    for symbol in ["mid.M", "mid.M.b", "mid.M.o", "mid.M.n"] {
        assert_eq!(files(&ask(V1ALPHA, &[question(4, symbol)])[0]), ["mid.proto", "base.proto"], "{symbol}");
    }
    for symbol in ["base.B.E", "base.B.V", "base.B.e"] {
        assert_eq!(files(&ask(V1, &[question(4, symbol)])[0]), ["base.proto"], "{symbol}");
    }
    assert_eq!(files(&ask(V1, &[question(3, "grpc/health/v1/health.proto")])[0]), ["grpc/health/v1/health.proto"]);
}

#[test]
fn imports_are_sent_once_a_call() {
    let answers = ask(V1, &[question(3, "mid.proto"), question(3, "top.proto"), question(3, "mid.proto")]);
    assert_eq!(files(&answers[0]), ["mid.proto", "base.proto"]);
    assert_eq!(files(&answers[1]), ["top.proto"]);
    assert_eq!(files(&answers[2]), ["mid.proto"]);
}

#[test]
fn extensions_are_found_by_number_and_counted() {
    let answers = ask(V1, &[extension("base.B", 11), question(6, "base.B"), question(6, "mid.M")]);
    assert_eq!(files(&answers[0])[0], "top.proto");
    assert_eq!(fields(&answers[1].1), [(1, b"base.B".to_vec()), (2, vec![11, 12])]);
    assert_eq!(fields(&answers[2].1), [(1, b"mid.M".to_vec())]);
}

#[test]
fn services_are_listed_in_order() {
    let (number, answer) = ask(V1, &[question(7, "*")]).remove(0);
    assert_eq!(number, 6);
    let names: Vec<String> =
        fields(&answer).iter().map(|(_, service)| String::from_utf8(fields(service)[0].1.clone()).unwrap()).collect();
    assert!(names.is_sorted() && names.contains(&"top.S".to_owned()) && names.contains(&"framescope.Echo".to_owned()));
}

#[test]
fn what_is_not_there_is_an_answer_and_the_call_goes_on() {
    let questions = [
        question(3, "no.proto"),
        question(4, "no.Such"),
        extension("base.B", 19),
        question(6, "no.Such"),
        question(3, "base.proto"),
    ];
    let answers = ask(V1, &questions);
    for ((number, answer), words) in answers.iter().zip([
        "no file is called \"no.proto\"",
        "no file defines \"no.Such\"",
        "no file extends \"base.B\" with a field 19",
        "no file defines \"no.Such\"",
    ]) {
        assert_eq!(*number, 7);
        assert_eq!(fields(answer)[1], (2, words.as_bytes().to_vec()));
        assert_eq!(answer[..2], [0x08, 5], "NOT_FOUND");
    }
    assert_eq!(files(&answers[4]), ["base.proto"]);
}

#[test]
fn a_request_that_asks_for_nothing_or_cannot_be_read_ends_the_call() {
    let mut pair = pair();
    let (nothing, broken) = (pair.call(V1, &[], &[b""]), pair.call(V1, &[], &[b"\x1a\xff"]));
    pair.run(0);
    assert_eq!(pair.ended(nothing).0, Status::INVALID_ARGUMENT);
    assert_eq!(pair.ended(broken).0, Status::INTERNAL);
}
