//! The client.

use std::error::Error;
use std::time::{Duration, Instant};

use tonic::codec::CompressionEncoding::Gzip;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::echo::echo_client::EchoClient;
use crate::{Message, words};

type Outcome = Result<(), Box<dyn Error>>;

fn within<T>(milliseconds: u64, message: T, pairs: &[(&'static str, &str)]) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_millis(milliseconds));
    for (name, value) in pairs {
        request.metadata_mut().append(*name, value.parse().expect("a value of visible characters"));
    }
    request
}

fn failure(outcome: Result<Response<Message>, Status>) -> Status {
    outcome.err().expect("a call succeeded that should not")
}

pub async fn cases(address: &str) -> Outcome {
    let channel = Channel::from_shared(format!("http://{address}"))?.connect().await?;
    let client = EchoClient::new(channel).max_decoding_message_size(8 << 20).max_encoding_message_size(8 << 20);
    let message = Message { text: "café".into(), data: vec![0, 255], number: 0 };
    calls(client.clone(), &message).await?;
    metadata(client.clone(), &message).await?;
    gzip(client.clone()).await?;
    errors(client.clone(), &message).await?;
    limits(client, &message).await
}

async fn calls(mut client: EchoClient<Channel>, message: &Message) -> Outcome {
    assert_eq!(client.unary(within(10_000, message.clone(), &[])).await?.into_inner(), *message);
    println!("unary");

    let request = within(10_000, message.clone(), &[("want-messages", "7")]);
    let mut answers = client.server_stream(request).await?.into_inner();
    for number in 0..7 {
        assert_eq!(answers.message().await?, Some(Message { number, ..message.clone() }));
    }
    assert_eq!(answers.message().await?, None);
    println!("server-streaming");

    let numbered = |n: i32| Message { text: n.to_string(), ..Message::default() };
    let answer = client.client_stream(within(10_000, tokio_stream::iter((0..6).map(numbered)), &[])).await?;
    assert_eq!(answer.into_inner(), Message { number: 6, ..numbered(5) });
    println!("client-streaming");

    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    sender.send(numbered(0)).await?;
    let requests = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut answers = client.bidi(within(10_000, requests, &[])).await?.into_inner();
    let mut sender = Some(sender);
    for number in 0..20 {
        assert_eq!(answers.message().await?, Some(Message { number, ..numbered(number) }));
        match &sender {
            Some(sender) if number < 19 => sender.send(numbered(number + 1)).await?,
            _ => sender = None,
        }
    }
    assert_eq!(answers.message().await?, None);
    println!("bidi");
    Ok(())
}

async fn metadata(mut client: EchoClient<Channel>, message: &Message) -> Outcome {
    let octets: Vec<u8> = (0..=255).collect();
    let mut request = within(10_000, message.clone(), &[("x-text", "a b, c"), ("x-text", "again")]);
    request.metadata_mut().insert_bin("x-some-bin", MetadataValue::from_bytes(&octets));
    let response = client.unary(request).await?;
    // tonic lets the trailers replace what the response began with.
    let check = |metadata: &MetadataMap| {
        let text: Vec<_> = metadata.get_all("x-text").iter().filter_map(|value| value.to_str().ok()).collect();
        assert_eq!(text, ["a b, c", "again"]);
        let found = metadata.get_bin("x-some-bin").and_then(|value| value.to_bytes().ok());
        assert_eq!(found.as_deref(), Some(&octets[..]));
    };
    check(response.metadata());
    println!("metadata");
    Ok(())
}

async fn gzip(client: EchoClient<Channel>) -> Outcome {
    let text = Message { text: "gzip ".repeat(2000), ..Message::default() };
    let mut client = client.send_compressed(Gzip).accept_compressed(Gzip);
    assert_eq!(client.unary(within(10_000, text.clone(), &[("want-gzip", "1")])).await?.into_inner(), text);
    println!("gzip");
    Ok(())
}

async fn errors(mut client: EchoClient<Channel>, message: &Message) -> Outcome {
    for code in 1..=16 {
        let request = within(10_000, message.clone(), &[("want-status", &code.to_string())]);
        let status = failure(client.unary(request).await);
        assert_eq!((status.code(), status.message()), (Code::from(code), words(code).as_str()));
    }
    let request = within(10_000, message.clone(), &[("want-status", "5"), ("want-details", "1")]);
    let status = failure(client.unary(request).await);
    let sought = b"type.googleapis.com/google.rpc.ErrorInfo";
    assert!(status.details().windows(sought.len()).any(|octets| octets == sought));
    println!("errors");
    Ok(())
}

async fn limits(mut client: EchoClient<Channel>, message: &Message) -> Outcome {
    let before = Instant::now();
    let status = failure(client.unary(within(200, message.clone(), &[("want-delay-ms", "30000")])).await);
    // tonic's own timer says CANCELLED; a server that is first says DEADLINE_EXCEEDED.
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status}");
    assert!(before.elapsed() < Duration::from_secs(10));
    println!("deadline");

    let large = Message { data: (0..=255).cycle().take(1 << 20).collect(), ..Message::default() };
    assert!(client.unary(within(30_000, large.clone(), &[])).await?.into_inner() == large);
    println!("1 MiB");

    let calls: Vec<_> = (0..100)
        .map(|number| {
            let mut client = client.clone();
            let request = Message { number, ..Message::default() };
            tokio::spawn(async move { client.unary(within(30_000, request, &[("want-delay-ms", "20")])).await })
        })
        .collect();
    for (number, call) in (0..).zip(calls) {
        assert_eq!(call.await??.into_inner().number, number);
    }
    println!("100 at once");
    Ok(())
}
