#include "registry/auth/authenticator.hh"

#include "base/base64.hh"
#include "base/log.hh"
#include "tests/support/compress.hh"
#include "tests/unit/registry/registry_fixture.hh"

namespace osb::registry {
namespace {

using test::FakeRequest;
using test::FakeResponse;

const std::string kPasswordCanary = "cAnArY-123";

class AuthenticatorThreads : public RegistryTest {
  protected:
    AuthenticatorThreads() { fake.add_manifest("v1", kRaw, std::string(oci::kMediaTypeManifest)); }

    Session::Options with_user(const std::string& password = kPasswordCanary) {
        Session::Options out = options();
        out.credentials = Credentials{.user = "user", .password = password, .identity_token = {}};
        return out;
    }
    // Answers 401 with these challenges until the header is what `accepted` says.
    void challenge(const std::vector<std::string>& values, const std::string& accepted) {
        fake.before = [values, accepted](const FakeRequest& r) -> std::optional<FakeResponse> {
            if (r.path == "/token" || r.header("authorization") == accepted) return std::nullopt;
            FakeResponse out{.status = 401};
            for (const std::string& value : values) out.headers.emplace_back("WWW-Authenticate", value);
            return out;
        };
    }
};

TEST_F(AuthenticatorThreads, Basic) {
    fake.basic_user = "user:" + kPasswordCanary;
    const auto c = client(with_user());
    EXPECT_EQ(c->get_manifest("v1").raw, kRaw);
    const std::size_t before = fake.requests().size();
    c->get_manifest("v1");
    EXPECT_EQ(fake.requests().size(), before + 1);  // it is not asked again
}

TEST_F(AuthenticatorThreads, BasicRefusedIsTriedOnceAndSaysNoSecret) {
    fake.basic_user = "user:other";
    const auto [kind, message] = failure_of([&] { client(with_user())->get_manifest("v1"); });
    EXPECT_EQ(kind, ErrorKind::unavailable);
    EXPECT_EQ(message.find(kPasswordCanary), std::string::npos);
    EXPECT_NE(message.find("check the user"), std::string::npos) << message;
    EXPECT_EQ(fake.count("GET", "/manifests/"), 2U);
}

TEST_F(AuthenticatorThreads, BearerWithCredentialsAnonymousAndIdentityToken) {
    fake.bearer_user = "user:" + kPasswordCanary;
    EXPECT_EQ(client(with_user())->get_manifest("v1").raw, kRaw);
    const auto requests = fake.requests();
    const auto token =
        std::find_if(requests.begin(), requests.end(), [](const auto& r) { return r.path == "/token"; });
    ASSERT_NE(token, requests.end());
    EXPECT_EQ(token->param("scope"), "repository:repo:pull");
    EXPECT_EQ(token->param("service"), "fake, the registry");
    Session::Options identity = options();
    identity.credentials = Credentials{.user = {}, .password = {}, .identity_token = "idtoken"};
    EXPECT_EQ(client(identity)->get_manifest("v1").raw, kRaw);
    EXPECT_EQ(fake.count("POST", "/token"), 1U);
    EXPECT_NE(failure_of([&] { client()->get_manifest("v1"); }).second.find("log in"), std::string::npos);
    fake.bearer_user = "-";
    EXPECT_EQ(client()->get_manifest("v1").raw, kRaw);
}

// Nobody is asked for another token, not even where the entry has a user as well.
TEST_F(AuthenticatorThreads, ARegistryTokenIsSentAsItIs) {
    Session::Options given = with_user("pass-of-user");
    given.credentials->registry_token = kPasswordCanary;
    for (const char* value : {R"(Bearer realm="https://elsewhere.example/token",service="x")", "bearer"}) {
        challenge({value}, "Bearer " + kPasswordCanary);
        EXPECT_EQ(client(given)->get_manifest("v1").raw, kRaw);
    }
    challenge({"Bearer realm=\"" + fake.url() + "/token\""}, "Bearer other");
    const auto [kind, message] = failure_of([&] { client(given)->get_manifest("v1"); });
    EXPECT_EQ(kind, ErrorKind::unavailable);
    EXPECT_EQ(message.find(kPasswordCanary), std::string::npos) << message;
    EXPECT_EQ(fake.count("GET", "/token"), 0U);
    EXPECT_EQ(fake.count("POST", "/token"), 0U);
    // A registry that asks for a password does not get the token.
    challenge({"Basic realm=\"x\""}, "Basic eA==");
    const std::size_t before = fake.requests().size();
    EXPECT_EQ(failure_of([&] { client(given)->get_manifest("v1"); }).first, ErrorKind::unavailable);
    const auto requests = fake.requests();
    for (std::size_t i = before; i < requests.size(); ++i)
        EXPECT_EQ(requests[i].header("authorization"), "") << requests[i].target;
}

TEST_F(AuthenticatorThreads, ARegistryTokenIsNotSentElsewhere) {
    test::FakeRegistry other;
    const std::string content = pattern(1000);
    fake.add_blob(content);
    const std::string path = other.url() + "/v2/repo/blobs/" + other.add_blob(content);
    fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.header("authorization") != "Bearer " + kPasswordCanary)
            return FakeResponse{.status = 401, .headers = {{"WWW-Authenticate", "Bearer"}}};
        if (r.path.find("/blobs/") == std::string::npos) return std::nullopt;
        return FakeResponse{.status = 307, .headers = {{"Location", path}}};
    };
    Session::Options given = options();
    given.credentials = Credentials{.registry_token = kPasswordCanary};
    const auto source = open_blob_download(client(given), descriptor(content));
    EXPECT_EQ(read_all(*source, 1'000'000, "blob"), content);
    ASSERT_FALSE(other.requests().empty());
    for (const FakeRequest& request : other.requests()) EXPECT_EQ(request.header("authorization"), "");
}

TEST_F(AuthenticatorThreads, ATokenIsKeptAndRefreshedWhenItIsRefused) {
    fake.bearer_user = "-";
    const auto c = client();
    for (int i = 0; i < 3; ++i) c->get_manifest("v1");
    EXPECT_EQ(fake.count("GET", "/token"), 1U);
    fake.revoke_tokens();
    EXPECT_EQ(c->get_manifest("v1").raw, kRaw);
    EXPECT_EQ(fake.count("GET", "/token"), 2U);
}

TEST_F(AuthenticatorThreads, ATokenThatExpiresWithinADownloadIsRefreshed) {
    fake.bearer_user = "-";
    const std::string content = pattern(200'000);
    fake.add_blob(content);
    bool cut = false;
    fake.after = [&](const FakeRequest& r, FakeResponse& response) {
        if (cut || r.path.find("/blobs/") == std::string::npos || response.status != 200) return;
        cut = true;
        response.cut_after = 100'000;
        fake.revoke_tokens();
    };
    EXPECT_EQ(download(content), content);
    EXPECT_EQ(fake.count("GET", "/token"), 2U);
}

TEST_F(AuthenticatorThreads, TheRegistrysOwnChallengeIsFoundAmongMany) {
    const std::string basic = "Basic " + encode_base64("user:" + kPasswordCanary);
    challenge({"Negotiate", R"(Digest realm="a, Basic b", qop="x", bAsIc realm="it's", NTLM abc==)"}, basic);
    EXPECT_EQ(client(with_user())->get_manifest("v1").raw, kRaw);
    challenge({"Unknown", "Strange x=\"1\""}, basic);
    EXPECT_EQ(failure_of([&] { client(with_user())->get_manifest("v1"); }).first, ErrorKind::unavailable);
}

TEST_F(AuthenticatorThreads, ThePasswordIsUsedWhereTheTokenServerIsOutOfReach) {
    const std::string basic = "Basic " + encode_base64("user:" + kPasswordCanary);
    const std::string refused = R"(Bearer realm="http://10.255.255.1/token")";
    const std::string broken = concat("Bearer realm=\"", fake.url() + "/broken", '"');
    for (const std::vector<std::string>& values : {std::vector<std::string>{"Basic realm=\"x\"", refused},
                                                   {refused, "Basic realm=\"x\""},
                                                   {refused + ", Basic realm=\"x\""},
                                                   {broken, "Basic realm=\"x\""}}) {
        challenge(values, basic);
        const auto c = client(with_user());
        EXPECT_EQ(c->get_manifest("v1").raw, kRaw) << values[0];
        const std::size_t before = fake.requests().size();
        c->get_manifest("v1");
        EXPECT_EQ(fake.requests().size(), before + 1);  // neither is asked again
        EXPECT_NE(failure_of([&] { client()->get_manifest("v1"); }).second, "");
    }
}

TEST_F(AuthenticatorThreads, ATokenIsUsedWhereThePasswordIsNot) {
    fake.bearer_user = "user:" + kPasswordCanary;
    fake.after = [](const FakeRequest&, FakeResponse& response) {
        if (response.status == 401)
            response.headers.insert(response.headers.begin(), {"WWW-Authenticate", "Basic realm=\"x\""});
    };
    EXPECT_EQ(client(with_user())->get_manifest("v1").raw, kRaw);
}

TEST_F(AuthenticatorThreads, ATokenMayBePackedWithGzip) {
    fake.bearer_user = "-";
    fake.after = [](const FakeRequest& r, FakeResponse& response) {
        if (r.path != "/token") return;
        response.body = test::gzip(response.body);
        response.headers.emplace_back("Content-Encoding", "gzip");
    };
    EXPECT_EQ(client()->get_manifest("v1").raw, kRaw);
}

TEST_F(AuthenticatorThreads, MaliciousTokensAreRefused) {
    for (const std::string& body :
         {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"token":7})"),
          std::string(R"({"token":""})"), std::string(R"({"token":"a\r\nX-Evil: 1"})"),
          std::string(R"({"token":"a b"})"), std::string(R"({"token":"\u00e9"})"),
          R"({"token":")" + std::string(70'000, 'a') + "\"}", std::string(2UL << 20U, ' ')}) {
        fake.bearer_user = "-";
        fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
            return r.path == "/token" ? std::optional(FakeResponse{.body = body}) : std::nullopt;
        };
        EXPECT_EQ(failure_of([&] { client()->get_manifest("v1"); }).first, ErrorKind::unavailable)
            << body.substr(0, 60);
    }
}

TEST_F(AuthenticatorThreads, AnAccessTokenWithoutALifeLivesAMinute) {
    fake.bearer_user = "-";
    for (const char* extra : {"", ",\"expires_in\":0", ",\"expires_in\":-5", R"(,"expires_in":"x")"}) {
        fake.after = [&](const FakeRequest& r, FakeResponse& response) {
            if (r.path != "/token") return;
            const std::string token = response.body.substr(10, response.body.find('"', 10) - 10);
            response.body = R"({"access_token":")" + token + "\"" + extra + "}";
        };
        const auto c = client();
        const std::size_t before = fake.count("GET", "/token");
        c->get_manifest("v1");
        c->get_manifest("v1");
        EXPECT_EQ(fake.count("GET", "/token"), before + 1) << extra;
    }
}

TEST_F(AuthenticatorThreads, AuthorizationNeverFollowsARedirectElsewhere) {
    test::FakeRegistry other;
    const std::string content = pattern(1000);
    fake.add_blob(content);
    fake.basic_user = "user:" + kPasswordCanary;
    std::string path;
    fake.after = [&](const FakeRequest& r, FakeResponse& response) {
        if (response.status != 200 || r.path.find("/blobs/") == std::string::npos) return;
        path = r.path;
        response.status = 307;
        response.headers = {{"Location", other.url() + "/storage?sig=x"}};
    };
    other.before = [&](const FakeRequest&) { return FakeResponse{.body = content}; };
    const auto source = open_blob_download(client(with_user()), descriptor(content));
    EXPECT_EQ(read_all(*source, 10'000, "blob"), content);
    ASSERT_EQ(other.requests().size(), 1U);
    EXPECT_EQ(other.requests()[0].header("authorization"), "");
}

TEST_F(AuthenticatorThreads, HostileRedirectsEnd) {
    fake.add_blob("x");
    unsigned count = 0;
    for (const char* location : {"", "javascript:alert(1)", "file:///etc/passwd", "http://user:pw@127.0.0.1/",
                                 "//", "http://127.0.0.1:99999/", "ftp://127.0.0.1/", "endless"}) {
        fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
            if (r.path == "/v2/") return std::nullopt;
            ++count;
            return FakeResponse{
                .status = 302,
                .headers = {{"Location",
                             std::string(location) == "endless" ? "/" + std::to_string(count) : location}}};
        };
        count = 0;
        EXPECT_EQ(failure_of([&] { open_blob_download(client(), descriptor("x")); }).first,
                  ErrorKind::unavailable);
        EXPECT_LE(count, 11U) << location;
    }
}

TEST_F(AuthenticatorThreads, TokenServersThatRedirectElsewhereSeeNoPassword) {
    test::FakeRegistry other;
    fake.bearer_user = "user:" + kPasswordCanary;
    fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.path != "/token") return std::nullopt;
        return FakeResponse{.status = 302, .headers = {{"Location", other.url() + "/token"}}};
    };
    other.before = [](const FakeRequest&) { return FakeResponse{.body = R"({"token":"t"})"}; };
    EXPECT_EQ(failure_of([&] { client(with_user())->get_manifest("v1"); }).first, ErrorKind::unavailable);
    for (const FakeRequest& r : other.requests()) EXPECT_EQ(r.header("authorization"), "");
}

TEST_F(AuthenticatorThreads, NoSecretInErrorsAndLogs) {
    std::string logged;
    set_log_sink([&](LogLevel, const std::string& line) { logged += line + '\n'; });
    fake.bearer_user = "user:" + kPasswordCanary;
    std::string seen;
    // A server that repeats what it was sent.
    fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
        const std::string header = r.header("authorization");
        if (header.empty()) return std::nullopt;
        return FakeResponse{.status = 403,
                            .headers = {{"Warning", "299 - \"mind the gap\""}},
                            .body = header + " " + kPasswordCanary + " " + header.substr(6)};
    };
    const auto [kind, message] = failure_of([&] { client(with_user())->get_manifest("v1"); });
    set_log_sink({});
    for (const std::string& secret : {kPasswordCanary, encode_base64("user:" + kPasswordCanary)}) {
        EXPECT_EQ(message.find(secret), std::string::npos) << message;
        EXPECT_EQ(logged.find(secret), std::string::npos) << logged;
    }
    EXPECT_NE(message.find("***"), std::string::npos);
}

// Some registries repeat in them what they were asked with.
TEST_F(AuthenticatorThreads, WarningsAndLocationsAreShownWithoutThePassword) {
    for (const std::string& password : {kPasswordCanary, std::string("xyz")}) {
        std::string logged;
        set_log_sink([&](LogLevel, const std::string& line) { logged += line + '\n'; });
        fake.basic_user = "user:" + password;
        const std::string basic = encode_base64(fake.basic_user);
        for (const std::string& location :
             {"ftp://" + password + "/", "http://" + basic + "@h/", "ftp://" + percent_encode(password)}) {
            fake.after = [&](const FakeRequest& r, FakeResponse& response) {
                if (r.path.find("/blobs/") == std::string::npos || response.status == 401) return;
                response.status = r.method == "POST" ? 202 : 307;
                response.headers = {{"Location", location},
                                    {"Warning", "299 - \"hello user:" + password + " " + basic + "\""}};
            };
            for (const auto& f : {std::function<void()>([&] {
                                      open_blob_download(client(with_user(password)), descriptor("x"));
                                  }),
                                  std::function<void()>([&] {
                                      fake.before = [](const FakeRequest& r) -> std::optional<FakeResponse> {
                                          return r.method == "HEAD"
                                                     ? std::optional(FakeResponse{.status = 404})
                                                     : std::nullopt;
                                      };
                                      start_blob_upload(client(with_user(password), Access::push), 1)
                                          ->finish(oci::Digest::of({}));
                                  })}) {
                const std::string message = failure_of(f).second;
                for (const std::string& text : {message, logged}) {
                    EXPECT_EQ(text.find(password), std::string::npos) << text;
                    EXPECT_EQ(text.find(basic), std::string::npos) << text;
                }
                EXPECT_NE(message.find("***"), std::string::npos) << message;
            }
            fake.before = nullptr;
        }
        set_log_sink({});
        EXPECT_NE(logged.find("hello user:***"), std::string::npos) << logged;
    }
}

class RealmThreads : public AuthenticatorThreads {
  protected:
    // Asks a registry whose realm is `realm`, with credentials for it and for each host.
    std::pair<ErrorKind, std::string> ask(const std::string& realm, bool insecure, bool given) {
        fake.bearer_user = "user:" + kPasswordCanary;
        fake.realm = realm;
        Session::Options how = with_user();
        how.insecure = insecure;
        how.plain_http = true;
        how.credentials_given = given;
        how.lookup = [this](const std::string& host) -> std::optional<Credentials> {
            looked_up.push_back(host);
            return Credentials{.user = "stored", .password = kPasswordCanary, .identity_token = {}};
        };
        return failure_of([&] { client(how)->get_manifest("v1"); });
    }
    test::FakeRegistry tokens;
    std::vector<std::string> looked_up;
};

// A registry on this machine may be anybody's, at the other end of a tunnel.
TEST_F(RealmThreads, WhatIsStoredForAHostNeverGoesOutInClear) {
    for (const bool insecure : {false, true}) {
        ask("http://localhost:1/token", insecure, false);
        ask("http://127.0.0.1:1/token", insecure, false);
        ask("http://127.1.1.1:1/token", insecure, false);
    }
    EXPECT_TRUE(looked_up.empty()) << looked_up.front();
}

TEST_F(RealmThreads, ATokenServerAtAnotherPortOfAPlainHost) {
    const std::string realm = tokens.url() + "/token";
    tokens.bearer_user = "user:" + kPasswordCanary;
    for (const bool given : {false, true}) {
        ask(realm, true, given);
        ASSERT_FALSE(tokens.requests().empty());
        EXPECT_EQ(tokens.requests().back().header("authorization").empty(), !given);
    }
}

TEST_F(RealmThreads, APrivateAddressIsAskedWhereTheRegistryMayBeInsecure) {
    std::string realm = tokens.url() + "/token";
    realm.replace(realm.find("127.0.0.1"), 9, "localhost");
    EXPECT_NE(ask(realm, false, true).second.find("not allowed"), std::string::npos);
    EXPECT_TRUE(tokens.requests().empty());
    ask(realm, true, true);
    ASSERT_EQ(tokens.requests().size(), 1U);
    EXPECT_EQ(tokens.requests()[0].header("authorization"), "");
}

TEST_F(AuthenticatorThreads, TheProblemWithTheCredentialsIsTheAdvice) {
    fake.basic_user = "user:x";
    Session::Options how = options();
    how.credentials_hint = "there is no credential helper 'docker-credential-desktop'";
    EXPECT_NE(failure_of([&] { client(how)->get_manifest("v1"); }).second.find("| there is no credential"),
              std::string::npos);
    fake.basic_user = "";
    fake.bearer_user = "user:x";
    EXPECT_NE(failure_of([&] { client(how)->get_manifest("v1"); }).second.find("| there is no credential"),
              std::string::npos);
}

Url url(const char* text) {
    return Url::parse(text).value();
}

TEST(JudgeRealmTest, DecidesWhoIsShownCredentials) {
    const auto judge = [](const char* registry, const char* realm, bool insecure = false) {
        return judge_realm(url(registry), url(realm), insecure);
    };
    EXPECT_EQ(judge("https://registry-1.docker.io/", "https://auth.docker.io/token"), RealmTrust::trusted);
    EXPECT_EQ(judge("https://ghcr.io/", "https://ghcr.io/token"), RealmTrust::trusted);
    EXPECT_EQ(judge("https://registry.gitlab.com/", "https://gitlab.com/jwt/auth"), RealmTrust::trusted);
    EXPECT_EQ(judge("https://registry.example.com/", "https://evil.test/token"), RealmTrust::anonymous);
    EXPECT_EQ(judge("https://a.co.uk/", "https://b.co.uk/"), RealmTrust::anonymous);
    EXPECT_EQ(judge("https://a.github.io/", "https://b.github.io/"), RealmTrust::anonymous);
    EXPECT_EQ(judge("https://ghcr.io/", "https://ghcr.io.evil.test/"), RealmTrust::anonymous);
    EXPECT_EQ(judge("https://ghcr.io/", "http://ghcr.io/token"), RealmTrust::refused);
    EXPECT_EQ(judge("https://ghcr.io/", "http://ghcr.io/token", true), RealmTrust::anonymous);
    EXPECT_EQ(judge("http://10.0.0.1:5000/", "http://10.0.0.1:5000/token", true), RealmTrust::trusted);
    EXPECT_EQ(judge("http://10.0.0.1:5000/", "http://10.0.0.1:5001/", true), RealmTrust::given);
    EXPECT_EQ(judge("http://127.0.0.1:5000/", "http://127.0.0.1:5000/token"), RealmTrust::trusted);
    EXPECT_EQ(judge("http://127.0.0.1:5000/", "http://127.0.0.1:5001/token"), RealmTrust::given);
    // In plain http a name proves nothing.
    EXPECT_EQ(judge("http://127.0.0.1:5000/", "http://registry.example.com/token"), RealmTrust::refused);
    EXPECT_EQ(judge("http://127.0.0.1:5000/", "http://registry.example.com/token", true),
              RealmTrust::anonymous);
    EXPECT_EQ(judge("http://a.example.com/", "http://b.example.com/token", true), RealmTrust::anonymous);
    EXPECT_EQ(judge("https://a.example.com/", "http://a.example.com/token", true), RealmTrust::anonymous);
    for (const char* realm :
         {"https://169.254.169.254/", "https://10.0.0.1/", "https://127.0.0.1/", "https://[::1]/",
          "https://[::ffff:10.0.0.1]/", "https://2130706433/", "https://0x7f.1/", "https://127.1/",
          "https://localhost:7/", "https://x.localhost/", "https://[fe80::1]/"}) {
        EXPECT_EQ(judge("https://registry.example.com/", realm), RealmTrust::refused) << realm;
        EXPECT_EQ(judge("http://127.0.0.2:5000/", realm), RealmTrust::refused) << realm;
        EXPECT_EQ(judge("https://registry.example.com/", realm, true), RealmTrust::anonymous) << realm;
    }
}

}  // namespace
}  // namespace osb::registry
