#include "registry/http/http_client.hh"

#include <thread>

#include "base/interrupt.hh"
#include "tests/unit/registry/registry_fixture.hh"

namespace osb::registry {
namespace {

using std::chrono::milliseconds;
using test::FakeRequest;
using test::FakeResponse;

class HttpClientThreads : public ::testing::Test {
  protected:
    HttpResponse send(const FakeResponse& response) {
        fake.before = [response](const FakeRequest&) { return response; };
        return http.send({.url = Url::parse(fake.url() + "/x?secret=cAnArY").value()});
    }
    std::string get(const FakeResponse& response) {
        HttpResponse got = send(response);
        return read_all(*got.body, 1UL << 24U, "body");
    }
    std::pair<ErrorKind, std::string> failure(const FakeResponse& response) {
        return failure_of([&] { get(response); });
    }

    test::FakeRegistry fake;
    HttpClient http{quick_limits()};
};

TEST_F(HttpClientThreads, SendsAndReceives) {
    fake.before = [](const FakeRequest& r) {
        return FakeResponse{
            .status = 201, .headers = {{"X-A", " b "}}, .body = r.method + r.body + r.header("x-c")};
    };
    for (const std::string& body : {std::string(), pattern(3'000'000)}) {
        HttpResponse got = http.send({.method = "PUT",
                                      .url = Url::parse(fake.url()).value(),
                                      .headers = {{"X-C", "d"}},
                                      .body = as_bytes(body)});
        EXPECT_EQ(got.status, 201);
        EXPECT_EQ(got.header("x-a"), "b");
        EXPECT_EQ(read_all(*got.body, 1UL << 24U, "body"), "PUT" + body + "d");
    }
    EXPECT_EQ(fake.requests().back().header("expect"), "");
}

TEST_F(HttpClientThreads, ReadsInPiecesOfAnySize) {
    const std::string body = pattern(600'000);
    for (const bool chunked : {false, true}) {
        HttpResponse got = send({.body = body, .chunked = chunked});
        std::string out;
        std::vector<std::uint8_t> buffer(70'001);
        for (std::size_t size = 1; const std::size_t n = got.body->read(MutableBytes(buffer).first(size));
             size = size * 7 % 70'000 + 1) {
            out.append(as_text(ByteView(buffer).first(n)));
        }
        EXPECT_TRUE(out == body);
    }
}

TEST_F(HttpClientThreads, AnErrorStaysOneWhenItIsReadAgain) {
    HttpResponse got = send({.body = pattern(1000), .cut_after = 10});
    std::vector<std::uint8_t> buffer(100);
    EXPECT_EQ(read_full(*got.body, MutableBytes(buffer).first(10)), 10U);
    EXPECT_THROW(got.body->read(buffer), NetworkError);
    EXPECT_THROW(got.body->read(buffer), NetworkError);
}

TEST_F(HttpClientThreads, TransfersTellWhatTheLinkIsLike) {
    EXPECT_EQ(http.traffic().bytes_per_wait, 0U);
    fake.before = [](const FakeRequest&) {
        std::this_thread::sleep_for(milliseconds(10));
        return FakeResponse{.body = pattern(100'000)};
    };
    HttpResponse got = http.send({.url = Url::parse(fake.url()).value()});
    EXPECT_EQ(read_all(*got.body, 1UL << 24U, "body").size(), 100'000U);
    EXPECT_GT(http.traffic().bytes_per_wait, 1'000U);
}

TEST_F(HttpClientThreads, HeadersAreBounded) {
    FakeResponse many;
    for (int i = 0; i < 10'000; ++i) many.headers.emplace_back("X-" + std::to_string(i), "y");
    EXPECT_EQ(failure(many).first, ErrorKind::unavailable);
    EXPECT_EQ(failure({.headers = {{"X-Long", std::string(1'000'000, 'y')}}}).first, ErrorKind::unavailable);
    std::string endless;
    for (int i = 0; i < 100'000; ++i) endless += "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n";
    EXPECT_EQ(failure({.raw = endless}).first, ErrorKind::unavailable);
    EXPECT_EQ(
        get({.raw = "HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz"}),
        "z");
}

// A proxy's answer to CONNECT comes before the server's.
TEST(HttpHeadTest, TheLastResponseCounts) {
    HttpHead head{HeadLimits{}};
    for (const char* line :
         {"HTTP/1.1 200 Connection established\r\n", "Proxy-Agent: x\r\n", "\r\n", "HTTP/1.1 401 No\r\n",
          "WWW-Authenticate: Basic\r\n", "\r\n", "Trailer: x\r\n", "\r\n"}) {
        head.add_line(line);
    }
    EXPECT_TRUE(head.complete());
    EXPECT_EQ(head.status(), 401);
    EXPECT_EQ(head.headers(), (HeaderList{{"www-authenticate", "Basic"}}));
}

TEST_F(HttpClientThreads, WhatIsNoHttpIsRefused) {
    for (const char* raw : {"SSH-2.0-OpenSSH\r\n", "\x16\x03\x01", "hello\n\n", "HTTP/1.1\r\n\r\n"}) {
        EXPECT_EQ(failure({.raw = raw}).first, ErrorKind::unavailable) << raw;
    }
}

TEST_F(HttpClientThreads, LengthsThatDifferAreRefused) {
    EXPECT_EQ(failure({.raw = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"}).first,
              ErrorKind::unavailable);
}

TEST_F(HttpClientThreads, SilenceEndsAfterAWhile) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(failure({.wait = milliseconds(20'000)}).first, ErrorKind::unavailable);
    EXPECT_EQ(failure({.body = "x", .stall = milliseconds(20'000)}).first, ErrorKind::unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(3000));
}

TEST_F(HttpClientThreads, ALateAnswerToAnUploadIsNoStall) {
    fake.before = [](const FakeRequest&) {
        return FakeResponse{.body = "abc",
                            .chunked = true,
                            .wait = milliseconds(250),
                            .slow_step = 1,
                            .slow_wait = milliseconds(20)};
    };
    HttpResponse got =
        http.send({.method = "PUT", .url = Url::parse(fake.url()).value(), .body = as_bytes("x")});
    EXPECT_EQ(read_all(*got.body, 10, "body"), "abc");
}

TEST_F(HttpClientThreads, ADocumentMayNotTakeForEver) {
    fake.before = [](const FakeRequest&) {
        return FakeResponse{
            .body = std::string(1'000'000, 'x'), .slow_step = 2000, .slow_wait = milliseconds(5)};
    };
    HttpResponse got = http.send({.url = Url::parse(fake.url()).value(), .total_time = milliseconds(300)});
    EXPECT_EQ(failure_of([&] { read_all(*got.body, 1UL << 24U, "body"); }).first, ErrorKind::unavailable);
}

TEST_F(HttpClientThreads, AnInterruptionEndsATransfer) {
    HttpResponse got = send({.body = "x", .stall = milliseconds(20'000)});
    set_interrupted(2);
    std::vector<std::uint8_t> buffer(10);
    EXPECT_THROW(got.body->read(buffer), Interrupted);
    set_interrupted(0);
}

TEST_F(HttpClientThreads, ARefusedConnectionIsUnavailable) {
    Url url;
    {
        test::FakeRegistry gone;
        url = Url::parse(gone.url()).value();
    }
    try {
        http.send({.url = url});
        ADD_FAILURE();
    } catch (const NetworkError& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unavailable);
        EXPECT_TRUE(error.transient());
        EXPECT_FALSE(error.connected());
    }
}

class ProxiedClientThreads : public ::testing::Test {
  protected:
    // With the fake as the proxy.
    std::unique_ptr<HttpClient> client(const std::string& user = "") {
        ProxySettings out;
        out.for_http = out.for_https = parse_proxy("http://" + user + fake.host());
        return std::make_unique<HttpClient>(quick_limits(), std::move(out));
    }
    static HttpRequest request(const char* url) {
        return {.url = Url::parse(url).value(), .headers = {{"Authorization", "Basic cAnArY"}}};
    }
    test::FakeRegistry fake;
};

TEST_F(ProxiedClientThreads, PlainHttpIsAskedForByTheWholeUrl) {
    fake.before = [](const FakeRequest& r) { return FakeResponse{.body = r.target}; };
    HttpResponse got = client("me:p%40ss@")->send(request("http://registry.example.test/x?y"));
    EXPECT_EQ(read_all(*got.body, 1000, "body"), "http://registry.example.test/x?y");
    const FakeRequest seen = fake.requests().at(0);
    EXPECT_EQ(seen.header("proxy-authorization"), "Basic bWU6cEBzcw==");
    EXPECT_EQ(seen.header("authorization"), "Basic cAnArY");
}

TEST_F(ProxiedClientThreads, ThisMachineIsNeverAskedForThroughOne) {
    test::FakeRegistry server;
    server.before = [](const FakeRequest&) { return FakeResponse{.body = "direct"}; };
    HttpResponse got = client()->send({.url = Url::parse(server.url()).value()});
    EXPECT_EQ(read_all(*got.body, 1000, "body"), "direct");
    EXPECT_TRUE(fake.requests().empty());
}

TEST_F(ProxiedClientThreads, AProxyThatRefusesIsNoRegistry) {
    for (const int status : {403, 404, 407, 502}) {
        fake.before = [&](const FakeRequest&) { return FakeResponse{.status = status, .body = "{}"}; };
        try {
            client("me:cAnArY@")->send(request("https://registry.example.test/x"));
            ADD_FAILURE() << status;
        } catch (const NetworkError& error) {
            EXPECT_EQ(error.kind(), ErrorKind::unavailable);
            EXPECT_EQ(error.transient(), status == 502);
            EXPECT_FALSE(error.connected());
            EXPECT_NE(error.message().find(fake.host()), std::string::npos) << error.message();
            EXPECT_EQ(error.message().find("cAnArY"), std::string::npos) << error.message();
            EXPECT_EQ(error.hint().empty(), status != 407);
        }
        const FakeRequest seen = fake.requests().back();
        EXPECT_EQ(seen.method + ' ' + seen.target, "CONNECT registry.example.test:443");
        EXPECT_EQ(seen.header("authorization"), "") << "is none of the proxy's business";
    }
}

TEST_F(HttpClientThreads, ErrorsDoNotRepeatQueries) {
    EXPECT_EQ(failure({.drop = true}).second.find("cAnArY"), std::string::npos);
}

TEST_F(HttpClientThreads, HeadersToBeSentMayHoldNoLineEnds) {
    EXPECT_THROW(http.send({.url = Url::parse(fake.url()).value(), .headers = {{"X", "a\r\nY: b"}}}), Error);
    EXPECT_TRUE(fake.requests().empty());
}

}  // namespace
}  // namespace osb::registry
