#include "registry/http/url.hh"

#include <gtest/gtest.h>

namespace osb::registry {
namespace {

TEST(UrlTest, ParsesAndWrites) {
    const auto plain = Url::parse("https://Example.COM:5000/v2/?a=b");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->host, "example.com");
    EXPECT_EQ(plain->port, 5000);
    EXPECT_EQ(plain->target, "/v2/?a=b");
    EXPECT_EQ(plain->to_string(), "https://example.com:5000/v2/?a=b");
    EXPECT_EQ(plain->redacted(), "https://example.com:5000/v2/");
    EXPECT_EQ(Url::parse("http://h")->to_string(), "http://h/");
    EXPECT_EQ(Url::parse("http://h?x#y")->target, "/?x");
    EXPECT_EQ(Url::parse("https://[::1]:8/")->host, "[::1]");
    EXPECT_EQ(Url::parse("https://h:443/")->host_port(), "h");
}

TEST(UrlTest, HasOneTextForEachPlace) {
    EXPECT_EQ(Url::parse("http://0x7f.1/")->host, "127.0.0.1");
    EXPECT_EQ(Url::parse("http://2130706433/")->host, "127.0.0.1");
    EXPECT_EQ(Url::parse("http://[0:0:0:0:0:0:0:1]/")->host, "[::1]");
    EXPECT_EQ(Url::parse("HTTP://h:080/a/./b/../c?../d")->to_string(), "http://h/a/c?../d");
}

TEST(UrlTest, RefusesWhatIsNoPlainHttpUrl) {
    for (const std::string& text : {std::string(),
                                    std::string("h/x"),
                                    std::string("//h/"),
                                    std::string("ftp://h/"),
                                    std::string("file:///etc/x"),
                                    std::string("javascript:alert(1)"),
                                    std::string("http:/h"),
                                    std::string("http://"),
                                    std::string("http:///x"),
                                    std::string("http://u@h/"),
                                    std::string("http://u:p@h/"),
                                    std::string("http://h:/"),
                                    std::string("http://h:0/"),
                                    std::string("http://h:65536/"),
                                    std::string("http://h:1x/"),
                                    std::string("http://h%2Fx/"),
                                    std::string("http://h%61/"),
                                    std::string("http://[fe80::1%25lo]/"),
                                    std::string("http://h\\x/"),
                                    std::string("http://h/a b"),
                                    std::string("http://h/\r\nX: y"),
                                    std::string("http://h/\0", 10),
                                    std::string("http://[::1/"),
                                    std::string("http://[x]/"),
                                    std::string("http://[::1]x/"),
                                    std::string("http://a..b/"),
                                    std::string("http://\xc3\xa9/"),
                                    "http://h/" + std::string(Url::kMaxLength, 'a')}) {
        EXPECT_FALSE(Url::parse(text)) << text.substr(0, 60);
    }
}

TEST(UrlTest, ResolvesLocations) {
    const Url base = Url::parse("https://h/v2/repo/blobs/uploads/?x=1").value();
    const auto target = [&](std::string_view location) { return base.resolve(location)->to_string(); };
    EXPECT_EQ(target("/v2/a?b=c"), "https://h/v2/a?b=c");
    EXPECT_EQ(target("id?s"), "https://h/v2/repo/blobs/uploads/id?s");
    EXPECT_EQ(target("?n=2"), "https://h/v2/repo/blobs/uploads/?n=2");
    EXPECT_EQ(target("../x"), "https://h/v2/repo/blobs/x");
    EXPECT_EQ(target("/../../x"), "https://h/x");
    EXPECT_EQ(target("//other/x"), "https://other/x");
    EXPECT_EQ(target("http://other/x"), "http://other/x");
    for (const char* location : {"", "javascript:x", "http://u@h/", "/a\tb", "/a\\b", "//", "http://a b/",
                                 "http://\xc3\xa9/", "a b:x"}) {
        EXPECT_FALSE(base.resolve(location)) << location;
    }
    // Servers do not encode everything.
    EXPECT_EQ(target("/a b?n=\"\xc3\xa9 <x>\""), "https://h/a%20b?n=%22%C3%A9%20%3Cx%3E%22");
    EXPECT_EQ(target("https://o/a b"), "https://o/a%20b");
    EXPECT_EQ(target("?s=a b"), "https://h/v2/repo/blobs/uploads/?s=a%20b");
    EXPECT_EQ(target("x//y z"), "https://h/v2/repo/blobs/uploads/x//y%20z");
}

TEST(UrlTest, AddsToTheQuery) {
    Url url = Url::parse("https://h/p").value();
    url.add_query("digest", "sha256:a");
    EXPECT_EQ(url.target, "/p?digest=sha256%3Aa");
    url.add_query("b", "c d");
    EXPECT_EQ(url.target, "/p?digest=sha256%3Aa&b=c%20d");
}

TEST(UrlTest, TellsPrivateHosts) {
    for (const char* host : {"127.0.0.1",       "10.1.2.3",    "172.16.0.1",
                             "172.31.255.255",  "192.168.0.1", "169.254.169.254",
                             "0.0.0.0",         "100.64.0.1",  "2130706433",
                             "0x7f000001",      "127.1",       "0177.0.0.1",
                             "localhost",       "localhost.",  "a.localhost",
                             "[::1]",           "[::]",        "[fc00::1]",
                             "[fd12::1]",       "[fe80::1]",   "[::ffff:192.168.0.1]",
                             "[::ffff:c0a8:1]", "[1:2]"}) {
        EXPECT_TRUE(is_private_host(host)) << host;
    }
    for (const char* host :
         {"example.com", "8.8.8.8", "172.32.0.1", "172.15.0.1", "[2001:4860::8888]", "a1", "1a"}) {
        EXPECT_FALSE(is_private_host(host)) << host;
    }
}

}  // namespace
}  // namespace osb::registry
