//! The server.

use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::codec::CompressionEncoding::Gzip;
use tonic::metadata::{KeyAndValueRef, MetadataMap};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::echo::echo_server::{Echo, EchoServer};
use crate::search::search_service_server::{SearchService, SearchServiceServer};
use crate::{Message, NOT_HERE};

struct Server;

type Answers = Pin<Box<dyn Stream<Item = Result<Message, Status>> + Send>>;

struct Asked(MetadataMap);

impl Asked {
    /// What comes back as it came.
    fn back(&self, prefix: &str) -> MetadataMap {
        let mut back = MetadataMap::new();
        for pair in self.0.iter() {
            match pair {
                KeyAndValueRef::Ascii(name, value) if name.as_str().starts_with(prefix) => {
                    back.append(name.clone(), value.clone());
                }
                KeyAndValueRef::Binary(name, value) if name.as_str().starts_with(prefix) => {
                    back.append_bin(name.clone(), value.clone());
                }
                _ => {}
            }
        }
        back
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.text(name)?.parse().ok()
    }

    async fn work(&self) {
        tokio::time::sleep(Duration::from_millis(self.number("work-ms").unwrap_or(0).into())).await;
    }

    /// tonic lets a handler set trailers only with a status that is not OK.
    fn end(&self) -> Result<(), Status> {
        let code = self.number("echo-status").unwrap_or(0) as i32;
        if code == 0 {
            return Ok(());
        }
        let message = self.text("echo-message").unwrap_or_default();
        Err(Status::with_metadata(Code::from(code), message, self.back("echo-trailer-")))
    }

    fn response<T>(&self, message: T) -> Response<T> {
        let mut response = Response::new(message);
        *response.metadata_mut() = self.back("echo-header-");
        if self.number("echo-gzip").is_none() {
            response.disable_compression();
        }
        response
    }
}

/// google.rpc.Status with one ErrorInfo.
fn details(code: Code) -> Vec<u8> {
    let field = |number: u8, octets: &[u8]| [&[(number << 3) | 2, octets.len() as u8], octets].concat();
    let info = [field(1, b"ASKED"), field(2, b"interop")].concat();
    let any = [field(1, b"type.googleapis.com/google.rpc.ErrorInfo"), field(2, &info)].concat();
    [vec![8, code as u8], field(2, NOT_HERE.as_bytes()), field(3, &any)].concat()
}

#[tonic::async_trait]
impl Echo for Server {
    type ServerStreamStream = Answers;
    type BidiStream = Answers;

    async fn unary(&self, request: Request<Message>) -> Result<Response<Message>, Status> {
        let (metadata, _, message) = request.into_parts();
        let asked = Asked(metadata);
        asked.work().await;
        asked.end()?;
        Ok(asked.response(message))
    }

    async fn client_stream(&self, request: Request<Streaming<Message>>) -> Result<Response<Message>, Status> {
        let (metadata, _, mut messages) = request.into_parts();
        let asked = Asked(metadata);
        let mut last = Message::default();
        while let Some(message) = messages.message().await? {
            last = message;
        }
        asked.work().await;
        asked.end()?;
        Ok(asked.response(last))
    }

    async fn server_stream(&self, request: Request<Message>) -> Result<Response<Answers>, Status> {
        let (metadata, _, message) = request.into_parts();
        let asked = Asked(metadata);
        let count = asked.number("echo-count").unwrap_or(1) as usize;
        let answers: Vec<_> = std::iter::repeat_n(Ok(message), count).chain(asked.end().err().map(Err)).collect();
        asked.work().await;
        Ok(asked.response(Box::pin(tokio_stream::iter(answers)) as Answers))
    }

    async fn bidi(&self, request: Request<Streaming<Message>>) -> Result<Response<Answers>, Status> {
        let (metadata, _, messages) = request.into_parts();
        let asked = Asked(metadata);
        let end = tokio_stream::iter(asked.end().err().map(Err));
        Ok(asked.response(Box::pin(messages.chain(end)) as Answers))
    }
}

#[tonic::async_trait]
impl SearchService for Server {
    async fn search(&self, _: Request<Message>) -> Result<Response<Message>, Status> {
        Err(Status::with_details(Code::NotFound, NOT_HERE, details(Code::NotFound).into()))
    }
}

pub async fn serve() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let echo = EchoServer::new(Server)
        .accept_compressed(Gzip)
        .send_compressed(Gzip)
        .max_decoding_message_size(8 << 20)
        .max_encoding_message_size(8 << 20);
    let server = tonic::transport::Server::builder().add_service(echo).add_service(SearchServiceServer::new(Server));
    let end = async {
        let mut rest = Vec::new();
        let _ = tokio::io::stdin().read_to_end(&mut rest).await;
    };
    tokio::select! {
        served = server.serve_with_incoming(TcpListenerStream::new(listener)) => served?,
        () = end => {}
    }
    Ok(())
}
