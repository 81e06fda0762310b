// The client of the proxy's protocol against servers that misbehave.
#include "registry/skopeo/skopeo_proxy.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <filesystem>

#include <array>
#include <csignal>
#include <cstring>
#include <functional>
#include <thread>

#include "base/escape.hh"
#include "base/interrupt.hh"
#include "tests/unit/registry/skopeo/fake_proxy.hh"

namespace osb::registry {
namespace {

using oci::Digest;

template<typename F>
Error thrown_by(F&& f) {
    try {
        f();
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "no Error was thrown";
    return {ErrorKind::internal, "none"};
}

// How many descriptors of this process are of the same pipe as fd. By their names: other threads may be
// closing theirs.
int count_open(int fd) {
    const auto name = [](int number) {
        std::error_code error;
        return std::filesystem::read_symlink(concat("/proc/self/fd/", number), error).string();
    };
    const std::string wanted = name(fd);
    int count = 0;
    for (int other = 0; other < 256; ++other) count += name(other) == wanted ? 1 : 0;
    return count;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

const Digest& digest() {
    static const Digest the_digest = Digest::of(as_bytes("hello, world"));
    return the_digest;
}

TEST(ProxyVersion, Parses) {
    EXPECT_EQ(ProxyVersion::parse("0.2.3"), kOldestProxy);
    EXPECT_GT(ProxyVersion::parse("1.0.0-rc1"), kGetLayerInfoPiped);
    EXPECT_GT(ProxyVersion::parse("0.2.10+x"), kGetLayerInfoPiped);
    for (const char* bad :
         {"", "0", "0.2", "0.2.", "0.2.x", "a.b.c", "0.2.3.4", "-1.2.3", "0.2.99999999999", " 0.2.3"}) {
        EXPECT_EQ(thrown_by([&] { ProxyVersion::parse(bad); }).kind(), ErrorKind::unsupported) << bad;
    }
}

TEST(SkopeoProxyThreads, RefusesAnOldServer) {
    const FakeProxy session([](Server& server) { server.answer("Initialize", "0.2.2"); });
    const Error error = thrown_by([&] { session->initialize(); });
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_TRUE(contains(error.message(), "0.2.2"));
    EXPECT_FALSE(error.hint().empty());
}

TEST(SkopeoProxyThreads, RefusesAVersionThatIsNoString) {
    const FakeProxy session([](Server& server) { server.answer("Initialize", 3); });
    EXPECT_THROW(session->initialize(), Error);
}

TEST(SkopeoProxyThreads, ReadsManifestAndBlob) {
    const FakeProxy session([](Server& server) {
        server.open();
        server.serve("sha256:abc", "{}", Server::success(nullptr));
        server.serve(12, "hello, world", Server::success(nullptr));
    });
    session.open();
    const SkopeoProxy::Manifest manifest = session->get_manifest();
    EXPECT_EQ(manifest.raw, "{}");
    EXPECT_EQ(manifest.original_digest, "sha256:abc");
    EXPECT_EQ(session->begin_blob(digest(), 12), std::optional<std::uint64_t>(12));
    EXPECT_EQ(session.read_blob(), "hello, world");
    std::array<std::uint8_t, 4> buffer{};
    EXPECT_EQ(session->read_blob(buffer), 0U);
    EXPECT_FALSE(session->broken());
}

TEST(SkopeoProxyThreads, ServersVerdictAtTheEndCounts) {
    struct Case {
        const char* verdict;
        ErrorKind kind;
    };
    for (const Case& c :
         {Case{.verdict = "corrupted blob, expecting sha256:1", .kind = ErrorKind::digest_mismatch},
          Case{.verdict = "expected 12 bytes in blob, got 3", .kind = ErrorKind::digest_mismatch},
          Case{.verdict = "connection \x1b[31mreset", .kind = ErrorKind::unavailable}}) {
        const FakeProxy session([&c](Server& server) {
            server.open();
            server.serve(12, "hello, world", Server::failure(c.verdict));
        });
        session.open();
        session->begin_blob(digest(), 12);
        const Error error = thrown_by([&] { session.read_blob(); });
        EXPECT_EQ(error.kind(), c.kind) << c.verdict;
        EXPECT_FALSE(contains(error.message(), "\x1b")) << error.message();
        EXPECT_FALSE(session->broken());
    }
}

TEST(SkopeoProxyThreads, UnknownSizeToleratesJustThatComplaint) {
    const auto attempt = [](std::optional<std::uint64_t> size, const std::string& verdict) {
        const FakeProxy session([&verdict](Server& server) {
            server.open();
            server.serve(12, "hello, world", Server::failure(verdict));
        });
        session.open();
        session->begin_blob(digest(), size);
        return session.read_blob();
    };
    EXPECT_EQ(attempt(std::nullopt, "expected 0 bytes in blob, got 12"), "hello, world");
    EXPECT_THROW(attempt(std::nullopt, "expected 0 bytes in blob, got 13"), Error);
    EXPECT_THROW(attempt(std::nullopt, "corrupted blob, expecting sha256:1"), Error);
    EXPECT_THROW(attempt(0, "expected 0 bytes in blob, got 12"), Error);
}

TEST(SkopeoProxyThreads, SizeMayBeUnknownToTheServer) {
    const FakeProxy session([](Server& server) {
        server.open();
        server.serve(-1, "", Server::success(nullptr));
    });
    session.open();
    EXPECT_EQ(session->begin_blob(digest(), 0), std::nullopt);
    EXPECT_EQ(session.read_blob(), "");
}

TEST(SkopeoProxyThreads, ErrorRepliesAreEscapedAndClassified) {
    const auto open_with = [](const std::string& version, const std::string& reply) {
        const FakeProxy session([&](Server& server) {
            server.answer("Initialize", version);
            server.request();
            server.send(reply);
        });
        session->initialize();
        Error error = thrown_by([&] { session->open_image("docker://x", ErrorKind::unavailable); });
        EXPECT_FALSE(session->broken());
        EXPECT_FALSE(session->has_image());
        return error;
    };
    const Error hostile = open_with("0.2.3", Server::failure("bad\n\x1b]52;c;x\a"));
    EXPECT_EQ(hostile.kind(), ErrorKind::unavailable);
    EXPECT_EQ(hostile.message(), "skopeo: bad\\x0a\\x1b]52;c;x\\x07");
    EXPECT_EQ(
        open_with("0.2.3", Server::failure("reference \"x\" does not resolve to an image ID: y")).kind(),
        ErrorKind::not_found);
    EXPECT_EQ(open_with("0.2.8", Server::success(0)).kind(), ErrorKind::not_found);
    EXPECT_LT(open_with("0.2.3", Server::failure(std::string(30000, 'x'))).message().size(), 1000U);
}

TEST(SkopeoProxyThreads, MalformedRepliesBreakTheConnection) {
    const std::string deep = std::string(100, '[') + std::string(100, ']');
    for (const std::string& text :
         {std::string("{"), std::string("null"), std::string("[]"), std::string("{}"),
          std::string("\xff\xfe"), std::string(R"({"success":"yes"})"),
          std::string(R"({"success":true,"success":false})"), R"({"success":true,"value":)" + deep + "}",
          std::string(R"({"success":true,"value":"sha"} x)"),
          // No image number.
          std::string(R"({"success":true,"value":-1})"), std::string(R"({"success":true,"value":1.5})"),
          std::string(R"({"success":true})")}) {
        const FakeProxy session([&text](Server& server) {
            server.answer("Initialize", "0.2.3");
            server.request();
            server.send(text);
        });
        session->initialize();
        const Error error = thrown_by([&] { session->open_image("x", ErrorKind::io); });
        EXPECT_EQ(error.kind(), ErrorKind::internal) << text;
        EXPECT_FALSE(session->has_image());
    }
}

TEST(SkopeoProxyThreads, OversizeReplyIsRefused) {
    const FakeProxy session([](Server& server) {
        server.request();
        server.send(Server::success(std::string(kMaxReply, 'x')));
        // Where the system's socket buffers do not take such a packet, the end of the stream serves as well.
        server.hang_up();
    });
    EXPECT_THROW(session->initialize(), Error);
    EXPECT_TRUE(session->broken());
    EXPECT_THROW(session->initialize(), Error);
}

TEST(SkopeoProxyThreads, WrongDescriptorsAreRefusedAndClosed) {
    const Ends pipe = make_pipe();
    const Fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const int p = pipe.first.get();
    for (const std::vector<int>& descriptors : {std::vector<int>{}, std::vector<int>{file.get()},
                                                std::vector<int>{p, p}, std::vector<int>(20, p)}) {
        const FakeProxy session([&descriptors](Server& server) {
            server.open();
            server.request();
            server.send(Server::success(12, 9), descriptors);
        });
        session.open();
        EXPECT_EQ(thrown_by([&] { session->begin_blob(digest(), 12); }).kind(), ErrorKind::internal)
            << descriptors.size();
        EXPECT_TRUE(session->broken());
        // Ours are the only two that are left.
        EXPECT_EQ(count_open(p), 2) << descriptors.size();
    }
}

TEST(SkopeoProxyThreads, UnaskedDescriptorIsRefused) {
    const Ends pipe = make_pipe();
    const FakeProxy session([&pipe](Server& server) {
        server.request();
        server.send(Server::success("0.2.3"), {pipe.first.get()});
    });
    EXPECT_EQ(thrown_by([&] { session->initialize(); }).kind(), ErrorKind::internal);
}

TEST(SkopeoProxyThreads, PipeNumberMustBeOne) {
    const Ends pipe = make_pipe();
    for (const char* id : {"-1", "4294967296", "\"9\"", "null", "1.5"}) {
        const FakeProxy session([&](Server& server) {
            server.open();
            server.request();
            server.send(concat(R"({"success":true,"value":12,"pipeid":)", id, "}"), {pipe.first.get()});
        });
        session.open();
        EXPECT_EQ(thrown_by([&] { session->begin_blob(digest(), 12); }).kind(), ErrorKind::internal) << id;
    }
}

TEST(SkopeoProxyThreads, DeathBetweenRequests) {
    const FakeProxy session([](Server& server) { server.open(); });
    session.open();
    const Error error = thrown_by([&] { session->get_manifest(); });
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_TRUE(contains(error.message(), "skopeo ended")) << error.message();
    EXPECT_TRUE(session->broken());
}

TEST(SkopeoProxyThreads, DeathInTheMiddleOfABlobIsAnError) {
    const FakeProxy session([](Server& server) {
        server.open();
        server.request();
        Ends pipe = make_pipe();
        server.send(Server::success(12, 9), {pipe.first.get()});
        (void)!::write(pipe.second.get(), "hello", 5);
    });
    session.open();
    const auto read = [&] {
        session->begin_blob(digest(), 12);
        session.read_blob();
    };
    EXPECT_EQ(thrown_by(read).kind(), ErrorKind::io);
    EXPECT_TRUE(session->broken());
}

TEST(SkopeoProxyThreads, ManifestBeyondTheLimitIsRefused) {
    const FakeProxy session([](Server& server) {
        server.open();
        server.serve("sha256:abc", std::string(5UL * 1024 * 1024, ' '), Server::failure("broken pipe"));
        server.serve(12, "hello, world", Server::success(nullptr));
    });
    session.open();
    EXPECT_EQ(thrown_by([&] { session->get_manifest(); }).kind(), ErrorKind::too_large);
    // The connection can be used on.
    session->begin_blob(digest(), 12);
    EXPECT_EQ(session.read_blob(), "hello, world");
}

TEST(SkopeoProxyThreads, ReaderThatStopsEarlyLeavesAUsableConnection) {
    const FakeProxy session([](Server& server) {
        server.open();
        server.serve(1 << 20, std::string(1 << 20, 'x'), Server::failure("write |1: broken pipe"));
        server.serve(12, "hello, world", Server::success(nullptr));
    });
    session.open();
    session->begin_blob(digest(), 1 << 20);
    std::array<std::uint8_t, 4> buffer{};
    EXPECT_GT(session->read_blob(buffer), 0U);
    session->abandon_blob();
    EXPECT_FALSE(session->broken());
    session->begin_blob(digest(), 12);
    EXPECT_EQ(session.read_blob(), "hello, world");
}

TEST(SkopeoProxyThreads, TwoPipesAtOnceAreRefused) {
    const FakeProxy session([](Server& server) {
        server.open();
        server.serve(12, "hello, world", Server::success(nullptr));
    });
    session.open();
    session->begin_blob(digest(), 12);
    EXPECT_THROW(session->get_full_config(), Error);
    EXPECT_EQ(session.read_blob(), "hello, world");
}

TEST(SkopeoProxyThreads, InterruptionEndsTheWait) {
    const FakeProxy session([](Server& server) { server.request(); });
    set_interrupted(SIGTERM);
    EXPECT_THROW(session->initialize(), Interrupted);
    set_interrupted(0);
    EXPECT_TRUE(session->broken());
}

TEST(SkopeoProxyThreads, SizesBeyondAnIntegerAreNotAskedFor) {
    const FakeProxy session([](Server& server) { server.open(); });
    session.open();
    EXPECT_EQ(thrown_by([&] { session->begin_blob(digest(), 1ULL << 53U); }).kind(), ErrorKind::too_large);
}

TEST(SkopeoProxyThreads, NamesAreChecked) {
    const FakeProxy session([](Server& server) { server.answer("Initialize", "0.2.3"); });
    session->initialize();
    EXPECT_EQ(thrown_by([&] { session->open_image("\xff", ErrorKind::io); }).kind(), ErrorKind::usage);
    EXPECT_EQ(thrown_by([&] { session->open_image(std::string(40000, 'x'), ErrorKind::io); }).kind(),
              ErrorKind::too_large);
    EXPECT_THROW(session->get_manifest(), Error);
}

TEST(SkopeoProxyThreads, LayerInformationInline) {
    const FakeProxy session([](Server& server) {
        server.open("0.2.5");
        server.answer("GetLayerInfo", Json::array({{{"digest", "sha256:1"}, {"size", 7}},
                                                   {{"digest", "sha256:2"}, {"size", -1}}}));
        server.answer("GetLayerInfo", "none");
        server.answer("GetLayerInfo", Json::array({1}));
    });
    session.open();
    const std::vector<ProxyLayer> layers = session->get_layers();
    ASSERT_EQ(layers.size(), 2U);
    EXPECT_EQ(layers[0].digest, "sha256:1");
    EXPECT_EQ(layers[0].size, std::optional<std::uint64_t>(7));
    EXPECT_EQ(layers[1].size, std::nullopt);
    EXPECT_THROW(session->get_layers(), Error);
    EXPECT_THROW(session->get_layers(), Error);
}

TEST(SkopeoProxyThreads, LayerInformationThroughAPipe) {
    const FakeProxy session([](Server& server) {
        server.open("0.2.8");
        server.serve(nullptr, R"([{"digest":"sha256:1","size":7,"media_type":"x"}])",
                     Server::success(nullptr));
        server.serve(nullptr, "[", Server::success(nullptr));
    });
    session.open();
    ASSERT_EQ(session->get_layers().size(), 1U);
    EXPECT_THROW(session->get_layers(), Error);
}

TEST(SkopeoProxyThreads, MissingProgramHasAHint) {
    const Error error = thrown_by([] { SkopeoProxy::start({"osb-no-such-skopeo"}); });
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_TRUE(contains(error.hint(), "skopeo")) << error.hint();
}

TEST(SkopeoProxyThreads, ProgramThatEndsAtOnceIsReportedWithItsWords) {
    const Error error = thrown_by([] {
        SkopeoProxy::start({"sh", "-c", "echo 'unknown command' >&2; exit 1"});
    });
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_TRUE(contains(error.message(), "exit status 1: unknown command")) << error.message();
}

TEST(SkopeoProxyThreads, ProgramThatIgnoresTheEndIsKilled) {
    const auto start = std::chrono::steady_clock::now();
    {
        Ends sockets = make_sockets();
        Subprocess process({.argv = {"sleep", "60"}, .environment = {}, .inherited = {}});
        SkopeoProxy proxy(std::move(sockets.first), std::move(process));
        set_interrupted(SIGINT);
        EXPECT_THROW(proxy.initialize(), Interrupted);
        set_interrupted(0);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1500));
}

}  // namespace
}  // namespace osb::registry
