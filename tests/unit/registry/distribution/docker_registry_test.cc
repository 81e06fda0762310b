// The client against docker-registry, where that is installed: what the program has no verb for.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "base/fd.hh"
#include "base/subprocess.hh"
#include "oci/codec/verified_source.hh"
#include "registry/distribution/blob_upload.hh"
#include "registry/distribution/listing.hh"
#include "registry/distribution/referrers.hh"
#include "tests/support/temp_directory.hh"
#include "tests/unit/registry/registry_fixture.hh"

namespace osb::registry {
namespace {

namespace fs = std::filesystem;

std::uint16_t free_port() {
    const Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(probe.get(), generic, length) != 0 || ::getsockname(probe.get(), generic, &length) != 0)
        return 0;
    return ntohs(address.sin_port);
}

class DockerRegistryTest : public ::testing::Test {
  protected:
    void SetUp() override {
        host_ = concat("127.0.0.1:", free_port());
        std::ofstream(directory_ / "config.yml")
            << "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            << "storage: {filesystem: {rootdirectory: " << directory_.path()
            << "/data}, delete: {enabled: true}}\n"
            << "http: {addr: '" << host_ << "'}\n";
        try {
            process_.emplace(
                SubprocessOptions{.argv = {"docker-registry", "serve", directory_ / "config.yml"}});
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) throw;
            GTEST_SKIP() << "docker-registry is not installed";
        }
        for (int i = 0; i < 500 && !process_->wait_for(std::chrono::milliseconds(0)); ++i) {
            try {
                client()->ping();
                return;
            } catch (const NetworkError&) {
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
            }
        }
        FAIL() << "docker-registry does not answer: " << process_->stderr_tail();
    }

    std::shared_ptr<DistributionClient> client(const std::string& repository = "a/repo") {
        Session::Options options;
        options.host = host_;
        options.insecure = true;
        options.hooks.sleep = [](std::chrono::milliseconds) {};
        auto session = std::make_shared<Session>(std::make_shared<HttpClient>(), options);
        return std::make_shared<DistributionClient>(std::move(session), repository, Access::push);
    }
    oci::Digest upload(const std::string& content) {
        const auto blob = start_blob_upload(client(), std::nullopt, manners(1000));
        blob->write(as_bytes(content));
        const oci::Digest digest = oci::Digest::of(as_bytes(content));
        blob->finish(digest);
        return digest;
    }
    // A manifest with the blob as its config, and perhaps a subject.
    std::string manifest(const oci::Digest& config, std::size_t size, const std::string& more = "") {
        return concat(R"({"schemaVersion":2,"mediaType":")", oci::kMediaTypeManifest,
                      R"(","config":{"mediaType":"application/x-test","digest":")", config.to_string(),
                      R"(","size":)", size, R"(},"layers":[])", more, "}");
    }

    test::TempDirectory directory_;

  private:
    std::string host_;
    std::optional<Subprocess> process_;
};

TEST_F(DockerRegistryTest, BlobsComeAndGo) {
    for (const std::size_t size : {0U, 1U, 999U, 1000U, 1001U, 4500U}) {
        const std::string content = pattern(size);
        const oci::Digest digest = upload(content);
        EXPECT_EQ(client()->head_blob(digest), size);
        oci::VerifiedSource source(
            open_blob_download(client(), {.media_type = {}, .digest = digest, .size = size}), digest, size);
        EXPECT_TRUE(read_all(source, 10'000, "blob") == content);
        source.finish();
        EXPECT_FALSE(client("other")->head_blob(digest));
        EXPECT_TRUE(client("other")->mount_blob(digest, "a/repo"));
        EXPECT_EQ(client("other")->head_blob(digest), size);
        client()->delete_blob(digest);
        EXPECT_FALSE(client()->head_blob(digest));
    }
    EXPECT_EQ(failure_of([&] { client()->delete_blob(oci::Digest::of({})); }).first, ErrorKind::not_found);
}

TEST_F(DockerRegistryTest, ManifestsAndTags) {
    const std::string content = "{}";
    const oci::Digest config = upload(content);
    const std::string raw = manifest(config, content.size());
    const std::string digest = oci::Digest::of(as_bytes(raw)).to_string();
    client()->put_manifest("t0", raw, oci::kMediaTypeManifest);
    EXPECT_EQ(client()->get_manifest("t0").raw, raw);
    EXPECT_EQ(client()->get_manifest(digest).media_type, oci::kMediaTypeManifest);
    // Many tags, put where the registry keeps them.
    const fs::path tags =
        fs::path(directory_.path()) / "data/docker/registry/v2/repositories/a/repo/_manifests/tags";
    for (int i = 1; i < 120; ++i) {
        fs::create_directories(tags / concat("t", i) / "current");
        fs::copy_file(tags / "t0/current/link", tags / concat("t", i) / "current/link");
    }
    EXPECT_EQ(list_tags(*client()).size(), 120U);
    EXPECT_EQ(list_some_tags(*client(), 5).size(), 5U);
    EXPECT_EQ(failure_of([&] { list_tags(*client("none")); }).first, ErrorKind::not_found);
    client()->delete_manifest(digest);
    EXPECT_FALSE(client()->head_manifest(digest));
    const std::string missing = manifest(oci::Digest::of(as_bytes("not there")), 9);
    const auto [kind, message] =
        failure_of([&] { client()->put_manifest("t", missing, oci::kMediaTypeManifest); });
    EXPECT_NE(message.find("MANIFEST_BLOB_UNKNOWN"), std::string::npos) << message;
}

TEST_F(DockerRegistryTest, WhatRefersToAManifestIsFoundAgain) {
    const std::string content = "{}";
    const oci::Digest config = upload(content);
    const std::string subject = manifest(config, content.size());
    const oci::Digest digest = oci::Digest::of(as_bytes(subject));
    publish_manifest(*client(), "v1", subject, oci::kMediaTypeManifest);
    for (const char* note : {"one", "two"}) {
        const std::string raw =
            manifest(config, content.size(),
                     concat(R"(,"annotations":{"note":")", note, R"("},"subject":{"mediaType":")",
                            oci::kMediaTypeManifest, R"(","digest":")", digest.to_string(), R"(","size":)",
                            subject.size(), "}"));
        publish_manifest(*client(), oci::Digest::of(as_bytes(raw)).to_string(), raw, oci::kMediaTypeManifest);
    }
    EXPECT_EQ(list_referrers(*client(), digest).size(), 2U);
    EXPECT_EQ(list_referrers(*client(), digest, "application/x-test").size(), 2U);
    EXPECT_TRUE(list_referrers(*client(), digest, "application/x-other").empty());
}

}  // namespace
}  // namespace osb::registry
