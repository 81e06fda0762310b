// A fake registry and a client of it, without real waits.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.hh"
#include "registry/distribution/blob_download.hh"
#include "registry/distribution/blob_upload.hh"
#include "registry/distribution/distribution_client.hh"
#include "tests/support/fake_registry.hh"

namespace osb::registry {

// A manifest, as far as the client looks at one.
inline const std::string kRaw = R"({"schemaVersion":2})";

inline HttpLimits quick_limits() {
    HttpLimits out;
    out.connect_timeout = std::chrono::milliseconds(1000);
    out.low_speed_time = std::chrono::milliseconds(200);
    out.answer_time = std::chrono::milliseconds(300);
    return out;
}

// The kind and the message of the Error that f throws.
template<typename F>
std::pair<ErrorKind, std::string> failure_of(const F& f) {
    try {
        f();
    } catch (const Error& error) {
        return {error.kind(), error.message() + " | " + error.hint()};
    }
    ADD_FAILURE() << "nothing was thrown";
    return {ErrorKind::internal, ""};
}

class RegistryTest : public ::testing::Test {
  protected:
    // Before members of a derived class go, which hooks may use.
    void TearDown() override { fake.stop(); }

    Session::Options options() {
        Session::Options out;
        out.host = fake.host();
        out.insecure = true;
        out.hooks = {.sleep =
                         [this](std::chrono::milliseconds time) {
                             slept.push_back(time);
                             if (on_sleep) on_sleep();
                         },
                     .random = [] { return 0.5; }};
        return out;
    }
    std::shared_ptr<DistributionClient> client(const Session::Options& given, Access access = Access::pull) {
        auto session = std::make_shared<Session>(std::make_shared<HttpClient>(limits), given);
        return std::make_shared<DistributionClient>(std::move(session), "repo", access);
    }
    std::shared_ptr<DistributionClient> client(Access access = Access::pull) {
        return client(options(), access);
    }

    static oci::Descriptor descriptor(const std::string& content,
                                      std::string_view media_type = oci::kMediaTypeLayer) {
        return {.media_type = std::string(media_type),
                .digest = oci::Digest::of(as_bytes(content)),
                .size = content.size()};
    }
    std::string download(const std::string& content, std::string_view media_type = oci::kMediaTypeLayer) {
        const auto source = open_blob_download(client(), descriptor(content, media_type));
        return read_all(*source, 64UL * 1024 * 1024, "blob");
    }

    test::FakeRegistry fake;
    HttpLimits limits = quick_limits();
    std::vector<std::chrono::milliseconds> slept;
    std::function<void()> on_sleep;
};

// Of an upload with chunks of that size, which may be halved some times.
inline std::shared_ptr<UploadManners> manners(std::size_t chunk) {
    return std::make_shared<UploadManners>(chunk, chunk / 8);
}

// Content in which every shift shows.
inline std::string pattern(std::size_t size) {
    std::string out(size, '\0');
    std::uint32_t state = 12345;
    for (char& c : out) {
        state = state * 1664525 + 1013904223;
        c = static_cast<char>(state >> 24U);
    }
    return out;
}

}  // namespace osb::registry
