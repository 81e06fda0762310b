// What a server behind SSH sees of us: the files of an archive repository with one commit, and nothing else.
#include "ostree/push/archive_server.hh"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "ostree/objects/summary.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

namespace fs = std::filesystem;

struct Response {
    int status = 0;
    std::string head;
    std::string body;
};

// A client that asks one thing after the other.
class Client {
  public:
    explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }

    void send(std::string_view text) const {
        EXPECT_EQ(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }

    Response get(const std::string& path, std::string_view fields = "", std::string_view method = "GET") {
        send(concat(method, " ", path, " HTTP/1.1\r\nHost: x\r\n", fields, "\r\n"));
        return receive(method == "HEAD");
    }

    // Status 0 when the connection ended.
    Response receive(bool head_only = false) {
        Response out;
        const std::size_t end = fill_until("\r\n\r\n");
        if (end == std::string::npos) return out;
        out.head = take(end + 4);
        out.status = std::stoi(out.head.substr(9, 3));
        if (head_only) return out;
        if (out.head.find("chunked") == std::string::npos) {
            const std::size_t at = out.head.find("Content-Length: ") + 16;
            out.body = take_exactly(std::stoul(out.head.substr(at)));
            return out;
        }
        for (;;) {
            const std::size_t line = fill_until("\r\n");
            const std::size_t size = std::stoul(take(line + 2), nullptr, 16);
            out.body += take_exactly(size);
            take_exactly(2);
            if (size == 0) return out;
        }
    }

  private:
    bool fill() {
        std::array<char, 65536> piece{};
        const ssize_t n = ::recv(fd_.get(), piece.data(), piece.size(), 0);
        if (n <= 0) return false;
        buffer_.append(piece.data(), static_cast<std::size_t>(n));
        return true;
    }
    std::size_t fill_until(std::string_view what) {
        std::size_t at = 0;
        while ((at = buffer_.find(what)) == std::string::npos)
            if (!fill()) return at;
        return at;
    }
    std::string take(std::size_t count) {
        std::string out = buffer_.substr(0, count);
        buffer_.erase(0, count);
        return out;
    }
    std::string take_exactly(std::size_t count) {
        while (buffer_.size() < count && fill()) {
        }
        EXPECT_GE(buffer_.size(), count);
        return take(count);
    }

    Fd fd_;
    std::string buffer_;
};

class ArchiveServerThreads : public ImportTest {
  protected:
    void make(ostree::RepoMode mode) {
        ostree::Repository::create(repo_path(), mode);
        TarBuilder layer;
        layer.pax({{"SCHILY.xattr.user.x", "y"}}).file("usr/attributes", "a");
        layer.file("usr/file", "content")
            .file("usr/empty", "")
            .file("usr/large", std::string(900'000, 'l') + "end")
            .symlink("usr/link", "file");
        commit_ = import(image_of({layer}).image, {.layout = ostree::Layout::plain}).commit.text();
        TarBuilder other;
        other.file("usr/secret", "of another commit");
        other_ = import(image_of({other}).image,
                        {.ref = ostree::RefName::parse("os/other"), .layout = ostree::Layout::plain})
                     .commit.text();
        repository_.emplace(ostree::Repository::open(repo_path()));
        offer_.emplace(*repository_);
        server_.emplace(*offer_, directory_ / "socket", progress_);
        server_->offer(ostree::RefName::parse("os/name"), ostree::CommitId::parse(commit_), false);
    }

    void TearDown() override {
        server_.reset();
        ImportTest::TearDown();
    }

    Client client() const { return Client(server_->socket_path()); }
    std::string at(const std::string& path) const { return server_->prefix() + '/' + path; }

    static std::string object_path(const ostree::ObjectName& name) {
        return "objects/" + ostree::loose_path(name.checksum, name.type, true);
    }

    std::vector<ostree::ObjectName> objects_of(const std::string& commit) const {
        ostree::ObjectClosure closure(*repository_);
        const std::string bytes =
            ostree::read_metadata(*repository_, ostree::ObjectType::commit, parse_sha256(commit));
        closure.add(ostree::root_of(as_bytes(bytes)));
        auto out = closure.objects();
        out.push_back({parse_sha256(commit), ostree::ObjectType::commit});
        return out;
    }

    NoProgress progress_;
    std::string commit_;
    std::string other_;
    std::optional<ostree::Repository> repository_;
    std::optional<ostree::ArchiveOffer> offer_;
    std::optional<ostree::ArchiveServer> server_;
};

TEST_F(ArchiveServerThreads, AnArchiveRepositoryWhateverTheModeOfTheSource) {
    for (const auto mode :
         {ostree::RepoMode::archive, ostree::RepoMode::bare_user, ostree::RepoMode::bare_user_only}) {
        server_.reset();
        offer_.reset();
        fs::remove_all(repo_path());
        const std::string copy = directory_ / "copy";
        fs::remove_all(copy);
        make(mode);
        // What is served, written down as a repository, is one that libostree takes.
        ostree::Repository::create(copy, ostree::RepoMode::archive);
        Client connection = client();
        const auto objects = objects_of(commit_);
        for (const auto& name : objects) {
            const Response response = connection.get(at(object_path(name)));
            ASSERT_EQ(response.status, 200) << object_path(name);
            const fs::path file = copy + '/' + object_path(name);
            fs::create_directories(file.parent_path());
            std::ofstream(file, std::ios::binary) << response.body;
        }
        EXPECT_EQ(verify_all_objects(copy), objects.size());
        EXPECT_EQ(list_commit(copy, commit_), list_commit(repo_path(), commit_));
        EXPECT_EQ(connection.get(at("refs/heads/os/name")).body, commit_ + '\n');
        // Counted when they were sent: by now, as requests of one connection come one after the other.
        EXPECT_EQ(server_->objects_sent(), objects.size());
        EXPECT_FALSE(server_->lacks_object());
        EXPECT_NE(connection.get(at("config")).body.find("mode=archive-z2"), std::string::npos);
        EXPECT_EQ(connection.get(at("summary")).body,
                  ostree::make_summary(ostree::RefName::parse("os/name"), ostree::CommitId::parse(commit_),
                                       ostree::read_metadata(*repository_, ostree::ObjectType::commit,
                                                             parse_sha256(commit_))));
        server_->rethrow_failure();
    }
}

TEST_F(ArchiveServerThreads, NothingElse) {
    make(ostree::RepoMode::archive);
    Client connection = client();
    for (const char* path :
         {"", "/", "objects", "objects/", "summary.sig", "refs/heads/os/test", "refs/heads", "../config",
          "objects/../config", "config/", "config?x", "deltas/ab/cd", "delta-indexes/x"})
        EXPECT_EQ(connection.get(at(path)).status, 404) << path;
    for (const auto& name : objects_of(other_)) {
        const auto ours = objects_of(commit_);
        if (std::find(ours.begin(), ours.end(), name) != ours.end()) continue;
        EXPECT_EQ(connection.get(at(object_path(name))).status, 404) << object_path(name);
    }
    const std::string object = object_path({parse_sha256(commit_), ostree::ObjectType::commit});
    EXPECT_EQ(connection.get(at(object)).status, 200);
    for (const std::string& path : {object + "x", object.substr(0, object.size() - 1), object + "/..",
                                    "objects/" + commit_ + ".commit", object + "meta"})
        EXPECT_EQ(connection.get(at(path)).status, 404) << path;
}

TEST_F(ArchiveServerThreads, NobodyWithoutTheToken) {
    make(ostree::RepoMode::archive);
    std::string wrong = server_->prefix();
    wrong.back() = wrong.back() == '0' ? '1' : '0';
    EXPECT_EQ(server_->prefix().size(), 65U);
    for (const std::string& path :
         {std::string("/config"), wrong + "/config", server_->prefix() + "x/config", server_->prefix(),
          "/" + server_->prefix() + "/config", server_->prefix().substr(0, 64) + "/config"}) {
        Client connection = client();
        EXPECT_EQ(connection.get(path).status, 404) << path;
        EXPECT_EQ(connection.receive().status, 0) << "the connection stays";
    }
    EXPECT_EQ(client().get(at("config")).status, 200);
}

TEST_F(ArchiveServerThreads, Requests) {
    make(ostree::RepoMode::archive);
    Client connection = client();
    const Response head = connection.get(at("config"), "", "HEAD");
    EXPECT_EQ(head.status, 200);
    // Several at once, in pieces.
    const std::string one = concat("GET ", at("config"), " HTTP/1.1\r\nHost: x\r\n\r\n");
    connection.send(one + one + one.substr(0, 20));
    EXPECT_EQ(connection.receive().status, 200);
    EXPECT_EQ(connection.receive().status, 200);
    connection.send(one.substr(20));
    EXPECT_EQ(connection.receive().status, 200);
    EXPECT_EQ(connection.get(at("config"), "Connection: close\r\n").status, 200);
    EXPECT_EQ(connection.receive().status, 0);
    EXPECT_EQ(client().get(at("config"), "", "PUT").status, 404);
    EXPECT_EQ(client().get(at("config"), "Content-Length: 3\r\n").status, 400);
    EXPECT_EQ(client().get(at("config"), "Transfer-Encoding: chunked\r\n").status, 400);
    Client old = client();
    old.send(concat("GET ", at("config"), " HTTP/1.0\r\nHost: x\r\n\r\n"));
    EXPECT_EQ(old.receive().status, 400);
    // What is too long is refused with one status or another, and the connection ends.
    for (const std::string& begin :
         {std::string("GET /"), "GET " + at("config") + " HTTP/1.1\r\nHost: x\r\nX: "}) {
        Client endless = client();
        endless.send(begin + std::string(40'000, 'a'));
        EXPECT_NE(endless.receive().status, 200);
        EXPECT_EQ(endless.receive().status, 0);
    }
}

TEST_F(ArchiveServerThreads, ManyClientsAndThoseThatLeave) {
    make(ostree::RepoMode::bare_user_only);
    std::string large;
    for (const auto& name : objects_of(commit_)) {
        if (name.type != ostree::ObjectType::file) continue;
        if (ostree::open_object(*repository_, name.checksum).size > 800'000) large = at(object_path(name));
    }
    ASSERT_FALSE(large.empty());
    for (int i = 0; i < 50; ++i) client().send(concat("GET ", large, " HTTP/1.1\r\nHost: x\r\n\r\n"));
    std::vector<Client> idle;
    for (int i = 0; i < 20; ++i) idle.push_back(client());
    EXPECT_EQ(idle.back().get(large).status, 200);
    server_->rethrow_failure();
}

TEST_F(ArchiveServerThreads, ProbesSendNothing) {
    make(ostree::RepoMode::archive);
    server_->offer(ostree::RefName::parse("os/name"), ostree::CommitId::parse(other_), true);
    Client connection = client();
    EXPECT_EQ(connection.get(at("summary")).status, 200);
    EXPECT_EQ(
        connection.get(at("objects/" + other_.substr(0, 2) + '/' + other_.substr(2) + ".commitmeta")).status,
        404);
    EXPECT_FALSE(server_->lacks_object());
    for (const std::string& commit : {commit_, other_})
        for (const auto& name : objects_of(commit))
            EXPECT_EQ(connection.get(at(object_path(name))).status, 404) << object_path(name);
    EXPECT_TRUE(server_->lacks_object());
    EXPECT_EQ(server_->objects_sent(), 0U);
    server_->offer(ostree::RefName::parse("os/name"), ostree::CommitId::parse(other_), false);
    EXPECT_FALSE(server_->lacks_object());
    EXPECT_EQ(connection.get(at(object_path({parse_sha256(other_), ostree::ObjectType::commit}))).status,
              200);
}

TEST_F(ArchiveServerThreads, AnObjectThatIsGoneIsTold) {
    make(ostree::RepoMode::archive);
    for (const auto& name : objects_of(commit_)) {
        if (name.type != ostree::ObjectType::dirmeta) continue;
        fs::remove(repo_path() + '/' + object_path(name));
        EXPECT_EQ(client().get(at(object_path(name))).status, 0);
        EXPECT_THROW(server_->rethrow_failure(), Error);
        server_->rethrow_failure();  // once
        return;
    }
    FAIL();
}

}  // namespace
}  // namespace osb::test
