# The controller on a base with nothing but glibc, certificates and an unprivileged user.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin aws-load-balancer-controller && \
    cp target/release/aws-load-balancer-controller /controller

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /controller /controller
ENTRYPOINT ["/controller"]
