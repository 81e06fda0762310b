// The faults of networks and servers, each passing (once, three times) and lasting, over the three things
// that a client does: it reads documents, it reads blobs, it writes blobs. What passes is overcome with the
// same result; what lasts ends after a bounded number of tries with the right kind of error.
#include "oci/codec/verified_source.hh"
#include "oci/documents/reference.hh"
#include "registry/distribution/blob_upload.hh"
#include "registry/distribution/distribution_source.hh"
#include "tests/unit/registry/registry_fixture.hh"

namespace osb::registry {
namespace {

using std::chrono::milliseconds;
using test::FakeRequest;
using test::FakeResponse;

constexpr int kLasting = 1'000'000;
constexpr std::size_t kChunk = 1000;

enum class Task { document, download, upload };

// What a fault does to one of the answers that it hits; nothing: the answer stays in its place, spoilt in
// `spoil`.
struct Fault {
    std::string name;
    std::function<void(FakeResponse&)> spoil;    // the true answer, after the registry acted
    std::optional<FakeResponse> instead;         // before the registry acts
    ErrorKind lasting = ErrorKind::unavailable;  // how it ends where it does not pass
    bool reads_only = false;                     // makes no sense where bytes are sent
    bool slow = false;                           // takes its time, so not every task is tried in every way
};

FakeResponse status(int code, std::vector<std::pair<std::string, std::string>> headers = {}) {
    return {.status = code, .headers = std::move(headers)};
}

void cut(FakeResponse& response, std::size_t after, bool reset) {
    if (response.body.empty()) response.body = "answer";
    response.cut_after = std::min(after, response.body.size() - 1);
    response.reset = reset;
}

std::vector<Fault> faults() {
    return {
        {.name = "RST before an answer", .instead = FakeResponse{.reset = true, .drop = true}},
        {.name = "RST after the headers", .spoil = [](FakeResponse& r) { cut(r, 0, true); }},
        {.name = "RST after some byte", .spoil = [](FakeResponse& r) { cut(r, 12'345, true); }},
        {.name = "FIN too early", .spoil = [](FakeResponse& r) { cut(r, r.body.size() / 2, false); }},
        {.name = "stall after the headers",
         .spoil =
             [](FakeResponse& r) {
                 if (r.body.empty()) r.body = "answer";
                 r.stall = milliseconds(20'000);
             },
         .reads_only = true,
         .slow = true},
        {.name = "stall before an answer",
         .instead = FakeResponse{.wait = milliseconds(20'000)},
         .slow = true},
        {.name = "a byte now and then",
         .spoil =
             [](FakeResponse& r) {
                 r.slow_step = 1;
                 r.slow_wait = milliseconds(30);
             },
         .reads_only = true,
         .slow = true},
        {.name = "408", .instead = status(408)},
        {.name = "429 with seconds", .instead = status(429, {{"Retry-After", "2"}})},
        {.name = "429 with a date",
         .instead = status(429, {{"Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"}})},
        {.name = "500", .instead = status(500)},
        {.name = "502", .instead = status(502)},
        {.name = "503", .instead = status(503)},
        {.name = "403 in the middle", .instead = status(403)},
    };
}

class NetworkFaultsTest : public RegistryTest {
  protected:
    NetworkFaultsTest() {
        limits.low_speed_time = limits.answer_time = milliseconds(30);
        fake.add_blob(content);
        digest = fake.add_manifest("v1", document, std::string(oci::kMediaTypeManifest));
    }

    static bool concerns(Task task, const FakeRequest& r) {
        if (task == Task::upload) return r.method == "PATCH";
        const char* part = task == Task::document ? "/manifests/sha256" : "/blobs/";
        return r.method == "GET" && r.path.find(part) != std::string::npos;
    }

    void arm(const Fault& fault, Task task, int times) {
        left = times;
        fake.before = [this, fault, task](const FakeRequest& r) -> std::optional<FakeResponse> {
            if (!fault.instead || !concerns(task, r) || left.fetch_sub(1) <= 0) return std::nullopt;
            return fault.instead;
        };
        fake.after = [this, fault, task](const FakeRequest& r, FakeResponse& response) {
            if (fault.spoil && concerns(task, r) && left.fetch_sub(1) > 0) fault.spoil(response);
        };
    }

    // Does it and checks the result.
    void run(Task task) {
        const auto c = client(Access::push);
        EXPECT_TRUE(c->head_manifest("v1"));
        if (task == Task::upload) {
            const std::string blob = pattern(4500 + ++count);
            const auto upload = start_blob_upload(c, std::nullopt, manners(kChunk));
            upload->write(as_bytes(blob));
            upload->finish(oci::Digest::of(as_bytes(blob)));
            EXPECT_TRUE(fake.blob(oci::Digest::of(as_bytes(blob)).to_string()) == blob);
        } else if (task == Task::download) {
            oci::VerifiedSource source(open_blob_download(c, descriptor(content)), descriptor(content).digest,
                                       content.size());
            EXPECT_TRUE(read_all(source, 1UL << 20U, "blob") == content);
            source.finish();
        } else {
            const auto source = open_distribution_source(
                oci::Reference::parse("docker://" + fake.host() + "/repo@" + digest), {c});
            EXPECT_EQ(source->root().raw, document);
        }
    }

    // How it ends, within bounds.
    void expect_failure(Task task, ErrorKind kind, const std::string& name) {
        const std::size_t before = fake.requests().size();
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_EQ(failure_of([&] { run(task); }).first, kind) << name << ' ' << static_cast<int>(task);
        EXPECT_LT(fake.requests().size() - before, 80U) << name;
        EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(5000)) << name;
    }

    const std::string content = pattern(300'000);
    const std::string document =
        R"({"schemaVersion":2,"annotations":{"a":")" + std::string(20'000, 'x') + "\"}}";
    std::string digest;
    std::atomic<int> left = 0;
    std::size_t count = 0;
};

class AnswerFaultsTest : public NetworkFaultsTest, public ::testing::WithParamInterface<Fault> {};

TEST_P(AnswerFaultsTest, WhatPassesIsOvercomeAndWhatLastsEnds) {
    const Fault& fault = GetParam();
    for (const Task task : {Task::document, Task::download, Task::upload}) {
        if (fault.reads_only && task == Task::upload) continue;
        for (const int times : {1, 3}) {
            if (fault.slow && times > 1 && task != Task::download) continue;
            SCOPED_TRACE(concat(times, " times, task ", static_cast<int>(task)));
            arm(fault, task, times);
            const std::uint64_t before = fake.bytes_sent();
            EXPECT_NO_THROW(run(task));
            if (times > 1 || task != Task::download) continue;
            // No more than the blob, what was lost on the way, and some small documents.
            EXPECT_LE(fake.bytes_sent() - before, 2 * content.size() + 4096);
        }
        if (fault.slow && task != Task::download) continue;
        arm(fault, task, kLasting);
        // What counts of the answer is its head; and where chunks are denied the blob goes in one request.
        if (task == Task::upload && (fault.spoil || fault.instead->status == 403)) {
            EXPECT_NO_THROW(run(task));
        } else {
            expect_failure(task, fault.lasting, fault.name);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Each, AnswerFaultsTest, ::testing::ValuesIn(faults()), [](const auto& tested) {
    std::string name = tested.param.name;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == ' '; }, '_');
    return name;
});

TEST_F(NetworkFaultsTest, RefusedConnections) {
    for (const unsigned times : {1U, 3U}) {
        for (const Task task : {Task::document, Task::download, Task::upload}) {
            slept.clear();
            fake.stop_listening();
            on_sleep = [&] {
                if (slept.size() == times) fake.listen_again();
            };
            EXPECT_NO_THROW(run(task)) << times;
            EXPECT_EQ(slept.size(), times);
        }
    }
    on_sleep = {};
    fake.stop_listening();
    expect_failure(Task::download, ErrorKind::unavailable, "refused");
    fake.listen_again();
}

TEST_F(NetworkFaultsTest, AServerThatIsGoneInTheMiddleEndsABlobInBoundedTries) {
    fake.after = [](const FakeRequest&, FakeResponse& r) {
        r.slow_step = 100'000;
        r.slow_wait = milliseconds(30);
    };
    const auto source = open_blob_download(client(), descriptor(content));
    std::vector<std::uint8_t> buffer(1000);
    source->read(buffer);
    fake.stop_listening();
    slept.clear();
    EXPECT_EQ(failure_of([&] {
                  while (source->read(buffer) > 0) continue;
              }).first,
              ErrorKind::unavailable);
    EXPECT_LE(slept.size(), 5U);
    fake.listen_again();
}

TEST_F(NetworkFaultsTest, ConnectionsThatAreResetAtOnce) {
    for (const int times : {1, 3, 6}) {
        for (const Task task : {Task::document, Task::download, Task::upload}) {
            fake.reset_connections = times;
            EXPECT_NO_THROW(run(task)) << times;
        }
    }
    fake.reset_connections = kLasting;
    expect_failure(Task::download, ErrorKind::unavailable, "reset at once");
    fake.reset_connections = 0;
}

TEST_F(NetworkFaultsTest, TokensThatExpireInTheMiddle) {
    fake.bearer_user = "-";
    std::set<std::string> used;
    for (const Task task : {Task::document, Task::download, Task::upload}) {
        for (const int times : {1, 3}) {
            left = times;
            fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
                // Only a token that was good for something before.
                const bool old = !used.insert(r.header("authorization")).second;
                if (old && concerns(task, r) && left.fetch_sub(1) > 0) fake.revoke_tokens();
                return std::nullopt;
            };
            if (task == Task::download) {
                fake.after = [&](const FakeRequest& r, FakeResponse& response) {
                    if (concerns(task, r) && response.status < 300 && left > 0) cut(response, 50'000, false);
                };
            }
            EXPECT_NO_THROW(run(task)) << times;
            fake.after = nullptr;
        }
        fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
            if (concerns(task, r)) fake.revoke_tokens();
            return std::nullopt;
        };
        expect_failure(task, ErrorKind::unavailable, "401");
    }
}

TEST_F(NetworkFaultsTest, CorruptBytes) {
    const auto corrupt = [](FakeResponse& r) { r.body[r.body.size() / 2] ^= 1; };
    const Fault fault{.name = "corrupt", .spoil = corrupt, .lasting = ErrorKind::digest_mismatch};
    // A document is held back until it is known to be true, and fetched again.
    arm(fault, Task::document, 1);
    EXPECT_NO_THROW(run(Task::document));
    for (const Task task : {Task::document, Task::download}) {
        arm(fault, task, kLasting);
        expect_failure(task, fault.lasting, fault.name);
        arm(fault, task, 0);
        EXPECT_NO_THROW(run(task));
    }
}

TEST_F(NetworkFaultsTest, AWholeBlobInPlaceOfARange) {
    fake.ranges = false;
    for (const int times : {1, 3}) {
        arm({.name = "cut", .spoil = [](FakeResponse& r) { cut(r, 200'000, false); }}, Task::download, times);
        EXPECT_NO_THROW(run(Task::download));
    }
}

TEST_F(NetworkFaultsTest, ARangeFromElsewhere) {
    for (const int times : {1, 3, kLasting}) {
        bool begun = false;
        left = times;
        fake.after = [&](const FakeRequest& r, FakeResponse& response) {
            if (!concerns(Task::download, r)) return;
            if (!std::exchange(begun, true)) {
                cut(response, 100'000, false);
            } else if (left.fetch_sub(1) > 0) {
                for (auto& [name, value] : response.headers) {
                    if (name == "Content-Range") value = "bytes 99999-299999/300000";
                }
            }
        };
        if (times < kLasting) {
            EXPECT_NO_THROW(run(Task::download)) << times;
        } else {
            expect_failure(Task::download, ErrorKind::unavailable, "range");
        }
    }
}

TEST_F(NetworkFaultsTest, RedirectsInACircle) {
    for (const Task task : {Task::document, Task::download, Task::upload}) {
        for (const int times : {1, 3, kLasting}) {
            left = times;
            fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
                if (!concerns(task, r) || left.fetch_sub(1) <= 0) return std::nullopt;
                return status(307, {{"Location", r.target}});
            };
            if (times < kLasting) {
                EXPECT_NO_THROW(run(task)) << times;
            } else {
                expect_failure(task, ErrorKind::unavailable, "redirects");
            }
        }
    }
}

TEST_F(NetworkFaultsTest, ADenialAtFirstIsFinal) {
    fake.before = [](const FakeRequest& r) -> std::optional<FakeResponse> {
        return r.path == "/v2/" ? std::nullopt : std::optional(status(403));
    };
    EXPECT_EQ(failure_of([&] { client()->get_manifest("v1"); }).first, ErrorKind::unavailable);
    EXPECT_TRUE(slept.empty());
}

}  // namespace
}  // namespace osb::registry
