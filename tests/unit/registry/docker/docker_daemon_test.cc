#include "registry/docker/docker_daemon.hh"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "base/fd.hh"
#include "oci/documents/manifest_writer.hh"
#include "oci/transports/docker_archive_source.hh"
#include "oci/transports/image.hh"
#include "tests/support/tar_builder.hh"
#include "tests/support/temp_directory.hh"
#include "tests/unit/registry/registry_fixture.hh"

namespace osb::registry {
namespace {

using test::FakeRequest;
using test::FakeResponse;

std::string saved_archive() {
    const std::string layer = test::TarBuilder().file("x", "1").finish();
    oci::ConfigFields fields;
    fields.platform = {.os = "linux", .architecture = "amd64", .variant = ""};
    fields.diff_ids = {oci::Digest::of(as_bytes(layer))};
    return test::TarBuilder()
        .file("c.json", oci::write_config(fields))
        .file("l.tar", layer)
        .file("manifest.json", R"([{"Config":"c.json","RepoTags":["os:1"],"Layers":["l.tar"]}])")
        .finish();
}

class DockerDaemonThreads : public ::testing::Test {
  protected:
    void TearDown() override { fake.stop(); }

    DockerEnvironment environment() {
        return {.host = "tcp://" + fake.host(), .tls_verify = false, .certificates = {}};
    }
    void answer(FakeResponse response) {
        fake.before = [response = std::move(response)](const FakeRequest&) { return response; };
    }
    std::pair<ErrorKind, std::string> read_failure(const std::string& name = "docker-daemon:localhost/os:1") {
        return failure_of([&] { open_daemon_source(oci::Reference::parse(name), environment()); });
    }
    // Writes an image without layers.
    void put() {
        const auto sink = create_daemon_sink(oci::Reference::parse("docker-daemon:os:1"), environment());
        oci::ConfigFields fields;
        fields.platform = {.os = "linux", .architecture = "amd64", .variant = ""};
        const std::string config = oci::write_config(fields);
        const auto upload = sink->start_blob(std::nullopt);
        upload->write(as_bytes(config));
        upload->finish(oci::Digest::of(as_bytes(config)));
        sink->put_manifest(oci::write_manifest(oci::describe(oci::kMediaTypeConfig, config), {}, {}),
                           oci::kMediaTypeManifest);
    }

    test::FakeRegistry fake;
};

TEST_F(DockerDaemonThreads, ReadsTheArchiveOfAnImage) {
    answer({.headers = {{"Content-Type", "application/x-tar"}}, .body = saved_archive(), .chunked = true});
    const std::string id = "sha256:" + std::string(64, 'a');
    for (const auto& [name, asked] :
         std::vector<std::pair<std::string, std::string>>{{"localhost/os:1", "localhost/os:1"},
                                                          {"os", "docker.io/library/os:latest"},
                                                          {"quay.io/os@" + id, "quay.io/os@" + id},
                                                          {id, id}}) {
        const auto source = open_daemon_source(oci::Reference::parse("docker-daemon:" + name), environment());
        EXPECT_EQ(oci::open_image(source, std::nullopt).manifest.layers.size(), 1U);
        EXPECT_EQ(fake.requests().back().path, "/images/get");
        EXPECT_EQ(fake.requests().back().param("names"), asked);
    }
}

TEST_F(DockerDaemonThreads, ReportsTheDaemonsErrors) {
    answer({.status = 404, .body = R"({"message":"no such \u001b image"})"});
    auto [kind, text] = read_failure();
    EXPECT_EQ(kind, ErrorKind::not_found);
    EXPECT_NE(text.find("no such \\x1b image"), std::string::npos) << text;
    EXPECT_NE(text.find(fake.host()), std::string::npos) << text;
    for (const std::string& body :
         {std::string("text"), std::string("{"), std::string("[]"), std::string()}) {
        answer({.status = 500, .body = body});
        EXPECT_EQ(read_failure().first, ErrorKind::io) << body;
    }
    answer({.body = "not an archive"});
    EXPECT_EQ(read_failure().first, ErrorKind::invalid);
    answer({.body = saved_archive(), .cut_after = 700});
    EXPECT_EQ(read_failure().first, ErrorKind::unavailable);
    fake.stop_listening();
    EXPECT_NE(read_failure().second.find("DOCKER_HOST"), std::string::npos);
}

TEST_F(DockerDaemonThreads, LoadsAnArchive) {
    answer({.body = R"({"stream":"Loaded image: os:1\n"})"
                    "\r\n"});
    put();
    const FakeRequest request = fake.requests().back();
    EXPECT_EQ(request.method + request.path, "POST/images/load");
    EXPECT_EQ(request.header("content-type"), "application/x-tar");
    MemorySource archive(as_bytes(request.body));
    EXPECT_TRUE(
        oci::open_image(oci::read_docker_archive(archive, "sent"), std::nullopt).manifest.layers.empty());
}

TEST_F(DockerDaemonThreads, ALoadMayFailAfterItsStatus) {
    for (const std::string& body :
         {std::string(R"({"stream":"x"})"
                      "\n"
                      R"({"errorDetail":{"message":"no space"},"error":"no space"})"),
          std::string(R"({"error":"no space"})")}) {
        answer({.body = body});
        const auto [kind, text] = failure_of([this] { put(); });
        EXPECT_EQ(kind, ErrorKind::io);
        EXPECT_NE(text.find("no space"), std::string::npos) << text;
    }
    answer({.body = "<html>"});
    EXPECT_EQ(failure_of([this] { put(); }).first, ErrorKind::invalid);
}

TEST_F(DockerDaemonThreads, WritesOnlyNames) {
    for (const std::string& name : {"os@sha256:" + std::string(64, 'a'), "sha256:" + std::string(64, 'a')}) {
        const auto reference = oci::Reference::parse("docker-daemon:" + name);
        EXPECT_EQ(failure_of([&] { create_daemon_sink(reference, environment()); }).first, ErrorKind::usage);
    }
    EXPECT_TRUE(fake.requests().empty());
}

TEST_F(DockerDaemonThreads, AWrongAddressFailsBeforeTheWork) {
    for (const char* host : {"ssh://host", "unix://relative", "tcp://", "tcp://a/b", "tcp://u@h", "x"}) {
        SCOPED_TRACE(host);
        EXPECT_EQ(failure_of([&] {
                      const DockerEngine engine({.host = host, .tls_verify = false, .certificates = {}});
                  }).first,
                  ErrorKind::usage);
    }
    const auto reference = oci::Reference::parse("docker-daemon:os:1");
    const DockerEnvironment none{
        .host = "unix:///nowhere/docker.sock", .tls_verify = false, .certificates = {}};
    EXPECT_EQ(failure_of([&] { create_daemon_sink(reference, none); }).first, ErrorKind::unavailable);
}

TEST_F(DockerDaemonThreads, TlsNeedsAServerWithTls) {
    DockerEnvironment secure = environment();
    secure.tls_verify = true;
    DockerEngine engine(secure);
    EXPECT_EQ(failure_of([&] { engine.ping(); }).first, ErrorKind::unavailable);
    EXPECT_TRUE(fake.requests().empty());
}

TEST_F(DockerDaemonThreads, ConnectsToAUnixSocket) {
    const test::TempDirectory directory;
    const std::string path = directory / "docker.sock";
    const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    std::string head;
    std::thread server([&] {
        const Fd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        char buffer[1000];
        while (head.find("\r\n\r\n") == std::string::npos) {
            const ssize_t n = ::read(client.get(), buffer, sizeof buffer);
            if (n <= 0) return;
            head.append(buffer, static_cast<std::size_t>(n));
        }
        write_all(client.get(), as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"), "socket");
    });
    DockerEngine engine({.host = "unix://" + path, .tls_verify = false, .certificates = {}});
    engine.ping();
    server.join();
    EXPECT_TRUE(head.starts_with("GET /_ping HTTP/1.1\r\nHost: localhost\r\n")) << head;
}

}  // namespace
}  // namespace osb::registry
