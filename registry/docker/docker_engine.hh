// A client of the Docker Engine API, which dockerd and `podman system service` offer.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.hh"
#include "base/stream.hh"
#include "registry/http/http_client.hh"

namespace osb::registry {

// The variables of docker(1) that name the daemon. Contexts of the docker command are not read.
struct DockerEnvironment {
    std::string host;         // DOCKER_HOST: unix://PATH or tcp://HOST[:PORT]; "" is /var/run/docker.sock
    bool tls_verify = false;  // DOCKER_TLS_VERIFY is not empty: tcp:// uses TLS
    // DOCKER_CERT_PATH, or else ~/.docker: ca.pem is trusted in addition to the system's certificates;
    // cert.pem and key.pem identify the client. Missing files are not an error.
    std::string certificates;

    static DockerEnvironment read();
};

// A daemon. Requests go directly to it, not through a proxy. Thread-safe.
class DockerEngine {
  public:
    // Connects on the first request. Throws Error{usage} for a DOCKER_HOST of another form.
    explicit DockerEngine(const DockerEnvironment& environment);
    DockerEngine(const DockerEngine&) = delete;
    DockerEngine& operator=(const DockerEngine&) = delete;
    ~DockerEngine();

    // "docker-daemon at 'unix:///var/run/docker.sock'", for messages.
    const std::string& name() const noexcept { return name_; }

    // Returns if the daemon responds. Throws Error{unavailable} with advice, Error{untrusted}.
    void ping();
    // Opens the archive of `docker save` of an image. `image`: NAME:TAG, NAME@DIGEST or an id. The result
    // must not outlive this object. Throws Error{not_found} if there is no such image; otherwise as ping().
    std::unique_ptr<Source> save(std::string_view image);
    // Loads an archive of `docker save`. Throws Error{io} with the daemon's message if it rejects the
    // archive; otherwise as ping(). The images of the archive appear one by one.
    void load(ByteView archive);

  private:
    HttpResponse send(HttpRequest request, std::string_view target);
    [[noreturn]] void refuse(HttpResponse& response) const;

    std::string name_;
    std::string socket_;  // "" for tcp
    Url base_;
    std::shared_ptr<const TlsOptions> tls_;
    HttpClient http_;
};

}  // namespace osb::registry
