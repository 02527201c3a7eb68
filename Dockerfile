# rootwalk in an image of one static binary and its configuration.
#
#   docker build --build-arg VERSION="$(git describe --tags --always)" -t rootwalk .
#   docker run -p 53:53/udp -p 53:53/tcp -p 127.0.0.1:9153:9153 rootwalk
#
# The program is an ordinary user and needs no capability: Docker lets any user of a container's own
# network listen on port 53 (it sets net.ipv4.ip_unprivileged_port_start to 0). An engine that does not, needs
#   --sysctl net.ipv4.ip_unprivileged_port_start=53
# and so does Kubernetes, as a sysctl of the pod's securityContext.

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=devel
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/rootwalk ./cmd/rootwalk
RUN mkdir -p /out/state /out/run

FROM scratch
COPY --from=build /out/rootwalk /rootwalk
# Directories of its own, for a volume and a socket; they are used where STATE_DIRECTORY and RUNTIME_DIRECTORY name them.
COPY --from=build --chown=65532:65532 /out/state /var/lib/rootwalk
COPY --from=build --chown=65532:65532 /out/run /run/rootwalk
COPY deploy/docker/rootwalk.yaml /etc/rootwalk/rootwalk.yaml
USER 65532:65532
EXPOSE 53/udp 53/tcp 9153/tcp
HEALTHCHECK --interval=30s --timeout=5s CMD ["/rootwalk", "healthcheck", "-c", "/etc/rootwalk/rootwalk.yaml"]
ENTRYPOINT ["/rootwalk"]
CMD ["serve", "-c", "/etc/rootwalk/rootwalk.yaml"]
