//! The services, described by hand: no protoc is needed.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let method = |name: &str, route: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type("crate::Message")
            .output_type("crate::Message")
            .codec_path("tonic_prost::ProstCodec")
    };
    let echo = Service::builder()
        .name("Echo")
        .package("framescope")
        .method(method("unary", "Unary").build())
        .method(method("server_stream", "ServerStream").server_streaming().build())
        .method(method("client_stream", "ClientStream").client_streaming().build())
        .method(method("bidi", "Bidi").client_streaming().server_streaming().build())
        .build();
    let search = Service::builder().name("SearchService").package("proto").method(method("search", "Search").build());
    Builder::new().compile(&[echo, search.build()]);
}
