//! The client.

use std::error::Error;
use std::time::{Duration, Instant};

use tonic::codec::CompressionEncoding::Gzip;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::echo::echo_client::EchoClient;
use crate::search::search_service_client::SearchServiceClient;
use crate::{Message, NOT_HERE, words};

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
    let client = EchoClient::new(channel.clone()).max_decoding_message_size(8 << 20).max_encoding_message_size(8 << 20);
    let message = Message { text: "café".into(), payload: vec![0, 255], number: -7 };
    calls(client.clone(), &message).await?;
    metadata(client.clone(), &message).await?;
    gzip(client.clone()).await?;
    errors(client.clone(), channel, &message).await?;
    limits(client, &message).await
}

async fn calls(mut client: EchoClient<Channel>, message: &Message) -> Outcome {
    assert_eq!(client.unary(within(60_000, message.clone(), &[])).await?.into_inner(), *message);
    println!("unary");

    let request = within(60_000, message.clone(), &[("echo-count", "7")]);
    let mut answers = client.server_stream(request).await?.into_inner();
    for _ in 0..7 {
        assert_eq!(answers.message().await?, Some(message.clone()));
    }
    assert_eq!(answers.message().await?, None);
    println!("server-streaming");

    let numbered = |number| Message { number, ..Message::default() };
    let answer = client.client_stream(within(60_000, tokio_stream::iter((0..6).map(numbered)), &[])).await?;
    assert_eq!(answer.into_inner(), numbered(5));
    println!("client-streaming");

    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    sender.send(numbered(0)).await?;
    let requests = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut answers = client.bidi(within(60_000, requests, &[])).await?.into_inner();
    let mut sender = Some(sender);
    for number in 0..20 {
        assert_eq!(answers.message().await?, Some(numbered(number)));
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
    let mut request = within(60_000, message.clone(), &[]);
    let text = ["echo-header-text", "echo-trailer-text"];
    let binary = ["echo-header-bin", "echo-trailer-bin"];
    for name in text {
        request.metadata_mut().append(name, "a b, c".parse()?);
        request.metadata_mut().append(name, "again".parse()?);
    }
    for name in binary {
        request.metadata_mut().insert_bin(name, MetadataValue::from_bytes(&octets));
    }
    // tonic puts the trailers to what the response began with.
    let response = client.unary(request).await?;
    for name in text {
        let found: Vec<_> = response.metadata().get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        // Its own server has no trailers after an answer.
        if !(found.is_empty() && name.starts_with("echo-trailer-")) {
            assert_eq!(found, ["a b, c", "again"], "{name}");
        }
    }
    for name in binary {
        match response.metadata().get_bin(name) {
            None => assert!(name.starts_with("echo-trailer-"), "{name} is missing"),
            Some(value) => assert_eq!(value.to_bytes()?, octets, "{name}"),
        }
    }
    println!("metadata");
    Ok(())
}

async fn gzip(client: EchoClient<Channel>) -> Outcome {
    let text = Message { text: "gzip ".repeat(2000), ..Message::default() };
    let mut client = client.send_compressed(Gzip).accept_compressed(Gzip);
    assert_eq!(client.unary(within(60_000, text.clone(), &[("echo-gzip", "1")])).await?.into_inner(), text);
    println!("gzip");
    Ok(())
}

async fn errors(mut client: EchoClient<Channel>, channel: Channel, message: &Message) -> Outcome {
    for code in 1..=16 {
        let asked = [("echo-status", &*code.to_string()), ("echo-message", &words(code))];
        let request = within(60_000, message.clone(), &asked);
        let status = failure(client.unary(request).await);
        assert_eq!((status.code(), status.message()), (Code::from(code), words(code).as_str()));
    }
    let mut search = SearchServiceClient::new(channel.clone());
    let status = failure(search.search(within(60_000, message.clone(), &[])).await);
    assert_eq!((status.code(), status.message()), (Code::NotFound, NOT_HERE));
    let sought = b"type.googleapis.com/google.rpc.ErrorInfo";
    assert!(status.details().windows(sought.len()).any(|octets| octets == sought));
    let mut grpc = tonic::client::Grpc::new(channel);
    for path in ["/framescope.Echo/Nothing", "/no.Such/Method"] {
        grpc.ready().await?;
        let codec = ProstCodec::<Message, Message>::default();
        let status =
            failure(grpc.unary(within(60_000, message.clone(), &[]), PathAndQuery::from_static(path), codec).await);
        assert_eq!(status.code(), Code::Unimplemented);
    }
    println!("errors");
    Ok(())
}

async fn limits(mut client: EchoClient<Channel>, message: &Message) -> Outcome {
    let before = Instant::now();
    let status = failure(client.unary(within(200, message.clone(), &[("work-ms", "30000")])).await);
    // tonic's own timer says CANCELLED; a server that is first says DEADLINE_EXCEEDED.
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status}");
    assert!(before.elapsed() < Duration::from_secs(25));
    println!("deadline");

    let large = Message { payload: (0..=255).cycle().take(1 << 20).collect(), ..Message::default() };
    assert!(client.unary(within(60_000, large.clone(), &[])).await?.into_inner() == large);
    println!("1 MiB");

    let calls: Vec<_> = (0..100)
        .map(|number| {
            let mut client = client.clone();
            let request = Message { number, ..Message::default() };
            tokio::spawn(async move { client.unary(within(60_000, request, &[("work-ms", "20")])).await })
        })
        .collect();
    for (number, call) in (0..).zip(calls) {
        assert_eq!(call.await??.into_inner().number, number);
    }
    println!("100 at once");
    Ok(())
}
