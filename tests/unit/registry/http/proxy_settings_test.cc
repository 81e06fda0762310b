#include "registry/http/proxy_settings.hh"

#include <gtest/gtest.h>

#include <map>

#include "base/error.hh"

namespace osb::registry {
namespace {

using Variables = std::map<std::string, std::string>;

ProxySettings settings(const Variables& variables) {
    return ProxySettings::from_environment([&](const char* name) -> const char* {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
    });
}

std::string proxy_of(const ProxySettings& from, const char* url) {
    const Proxy* found = from.find(Url::parse(url).value());
    return found == nullptr ? "-" : found->to_string();
}

TEST(ProxyTest, IsParsed) {
    const std::vector<std::pair<const char*, const char*>> cases{
        {"http://proxy:3128", "http://proxy:3128"},
        {"proxy:3128", "http://proxy:3128"},
        {"proxy", "http://proxy:80"},
        {"HTTP://Proxy.Example/", "http://proxy.example:80"},
        {" http://10.0.0.1:8080/path ", "http://10.0.0.1:8080"},
        {"http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"},
        {"http://[2001:db8::1]", "http://[2001:db8::1]:80"},
        {"https://proxy", "https://proxy:443"},
        {"socks5://proxy", "socks5h://proxy:1080"},
        {"socks5h://proxy:9050", "socks5h://proxy:9050"},
        {"socks4://proxy", "socks4a://proxy:1080"},
    };
    for (const auto& [text, expected] : cases) {
        const auto found = parse_proxy(text);
        ASSERT_TRUE(found) << text;
        EXPECT_EQ(found->to_string(), expected);
    }
    for (const char* text : {"", "ftp://proxy", "http://", "http://:3128", "http://proxy:0", "http://proxy:x",
                             "http://a b", "http://proxy:99999", "http://%zz@proxy", "http://a%0ab@proxy",
                             "http://u:%@proxy", "http://u:%4@proxy", "gopher:proxy"}) {
        EXPECT_FALSE(parse_proxy(text)) << text;
    }
}

TEST(ProxyTest, UserAndPasswordAreDecodedAndNotPrinted) {
    for (const char* text :
         {"http://me:p%40s%2Fs:w@proxy:1", "me:p%40s%2Fs:w@proxy:1", "http://me:p@s/s:w@proxy:1"}) {
        const auto found = parse_proxy(text);
        ASSERT_TRUE(found) << text;
        EXPECT_EQ(found->user, "me");
        EXPECT_EQ(found->password, "p@s/s:w");
        EXPECT_EQ(found->to_string(), "http://proxy:1");
    }
    EXPECT_EQ(parse_proxy("socks5://me@proxy")->user, "me");
}

TEST(ProxySettingsTest, FromTheEnvironment) {
    EXPECT_EQ(proxy_of(settings({}), "https://h/"), "-");
    const ProxySettings both =
        settings({{"HTTP_PROXY", "a:1"}, {"HTTPS_PROXY", "b:2"}, {"ALL_PROXY", "c:3"}});
    EXPECT_EQ(proxy_of(both, "http://h/"), "http://a:1");
    EXPECT_EQ(proxy_of(both, "https://h/"), "http://b:2");
    const ProxySettings lower =
        settings({{"http_proxy", "a:1"}, {"https_proxy", "b:2"}, {"HTTPS_PROXY", ""}});
    EXPECT_EQ(proxy_of(lower, "http://h/"), "http://a:1");
    EXPECT_EQ(proxy_of(lower, "https://h/"), "http://b:2");
    const ProxySettings all = settings({{"all_proxy", "socks5://c"}});
    EXPECT_EQ(proxy_of(all, "http://h/"), "socks5h://c:1080");
    EXPECT_EQ(proxy_of(all, "https://h/"), "socks5h://c:1080");
    // A CGI program's clients set HTTP_PROXY with a header of that name.
    EXPECT_EQ(proxy_of(settings({{"HTTP_PROXY", "a:1"}, {"REQUEST_METHOD", "GET"}}), "http://h/"), "-");
}

TEST(ProxySettingsTest, AMalformedOneIsRefusedWithoutRepeatingIt) {
    try {
        settings({{"HTTPS_PROXY", "http://me:cAnArY@:3128"}});
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        EXPECT_EQ((error.message() + error.hint()).find("cAnArY"), std::string::npos);
    }
}

TEST(ProxySettingsTest, ThisMachineIsReachedWithoutOne) {
    const ProxySettings all = settings({{"ALL_PROXY", "p"}});
    for (const char* url :
         {"http://localhost/", "https://localhost:5000/", "http://127.0.0.1/", "http://127.9.9.9:1/",
          "https://[::1]:5000/", "http://[::ffff:127.0.0.1]/", "http://localhost./"}) {
        EXPECT_EQ(proxy_of(all, url), "-") << url;
    }
    for (const char* url : {"http://localhost.example/", "http://128.0.0.1/", "http://[::2]/",
                            "http://127.example/", "http://registry/"}) {
        EXPECT_NE(proxy_of(all, url), "-") << url;
    }
}

// The cases of Go's golang.org/x/net/http/httpproxy.
TEST(NoProxyListTest, Forms) {
    const auto holds = [](const char* list, const char* url) {
        return NoProxyList(list).holds(Url::parse(url).value());
    };
    const std::vector<std::pair<const char*, const char*>> in{
        {"*", "http://x/"},
        {"a, *", "http://10.0.0.1/"},
        {"example.com", "https://example.com/"},
        {"Example.COM", "https://example.com/"},
        {"example.com", "https://a.b.example.com:5000/"},
        {"example.com.", "https://a.example.com/"},
        {"example.com", "https://a.example.com./"},
        {".example.com", "https://a.example.com/"},
        {"*.example.com", "https://a.example.com/"},
        {"x,example.com:5000", "https://example.com:5000/"},
        {".example.com:443", "https://a.example.com/"},
        {"x example.com", "https://example.com/"},
        {"10.0.0.1", "http://10.0.0.1:99/"},
        {"10.0.0.1:99", "http://10.0.0.1:99/"},
        {"10.0.0.0/8", "http://10.200.3.4/"},
        {"192.168.128.0/17", "http://192.168.255.1/"},
        {"0.0.0.0/0", "http://8.8.8.8/"},
        {"2001:db8::1", "http://[2001:db8::1]/"},
        {"[2001:db8::1]:99", "http://[2001:db8:0::1]:99/"},
        {"2001:db8::/32", "http://[2001:db8:ffff::1]/"},
        {"10.0.0.1", "http://[::ffff:10.0.0.1]/"},
        {"internal", "http://internal/"},
        {"nonsense:port, ::::, 10.0.0.0/99, /8, :80, internal", "http://internal/"},
    };
    for (const auto& [list, url] : in) EXPECT_TRUE(holds(list, url)) << list << ' ' << url;
    const std::vector<std::pair<const char*, const char*>> out{
        {"", "http://x/"},
        {",,", "http://x/"},
        {".example.com", "https://example.com/"},
        {"*.example.com", "https://example.com/"},
        {"example.com", "https://notexample.com/"},
        {"example.com", "https://example.com.evil.test/"},
        {"example.com:5000", "https://example.com/"},
        {"10.0.0.1:99", "http://10.0.0.1/"},
        {"10.0.0.0/8", "http://11.0.0.1/"},
        {"192.168.128.0/17", "http://192.168.127.1/"},
        {"10.0.0.0/8", "http://10.example.com/"},
        {"0.1", "http://10.0.0.1/"},
        {"2001:db8::/33", "http://[2001:db8:ffff::1]/"},
        {"*.0.0.1", "http://10.0.0.1/"},
        {"exam*", "http://example/"},
    };
    for (const auto& [list, url] : out) EXPECT_FALSE(holds(list, url)) << list << ' ' << url;
}

TEST(NoProxyListTest, IsReadFromTheEnvironment) {
    for (const char* name : {"NO_PROXY", "no_proxy"}) {
        const ProxySettings found = settings({{"ALL_PROXY", "p"}, {name, "internal,10.0.0.0/8"}});
        EXPECT_EQ(proxy_of(found, "http://internal/"), "-");
        EXPECT_EQ(proxy_of(found, "https://10.1.1.1/"), "-");
        EXPECT_EQ(proxy_of(found, "https://h/"), "http://p:80");
    }
}

}  // namespace
}  // namespace osb::registry
