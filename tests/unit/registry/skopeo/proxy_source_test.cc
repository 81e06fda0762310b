// Real skopeo and buildah over a storage of their own, where they are installed.
#include "registry/skopeo/proxy_source.hh"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.hh"
#include "base/fd.hh"
#include "base/interrupt.hh"
#include "base/subprocess.hh"
#include "oci/transports/image.hh"
#include "tests/support/temp_directory.hh"

namespace osb::registry {
namespace {

namespace fs = std::filesystem;

bool run(const std::vector<std::string>& argv) {
    try {
        Subprocess child({.argv = argv, .environment = {}, .inherited = {}});
        child.wait();
        return true;
    } catch (const Error& error) {
        std::cerr << error.what() << '\n';
        return false;
    }
}

// Three images of one big and one small layer in one storage: as built, as pulled compressed, in Docker's
// format.
struct Storage {
    test::TempDirectory temporary;
    fs::path root = temporary.path();
    bool usable = false;

    Storage() {
        const std::string& name = temporary.path();
        std::ofstream(root / "storage.conf") << "[storage]\ndriver = \"vfs\"\ngraphroot = \"" << name
                                             << "/root\"\nrunroot = \"" << name << "/run\"\n";
        ::setenv("CONTAINERS_STORAGE_CONF", (root / "storage.conf").c_str(), 1);
        fs::create_directory(root / "tmp");
        ::setenv("TMPDIR", (root / "tmp").c_str(), 1);
        usable = fill();
    }
    Storage(const Storage&) = delete;
    Storage& operator=(const Storage&) = delete;
    ~Storage() = default;

    bool fill() const {
        const fs::path context = root / "context";
        fs::create_directory(context);
        std::ofstream(context / "big") << std::string(3UL * 1024 * 1024, 'b');
        std::ofstream(context / "small") << "small";
        std::ofstream(context / "Containerfile") << "FROM scratch\nCOPY big /big\nCOPY small /small\n";
        const auto build = [&](const std::string& format, const std::string& tag) {
            // A label of its own keeps one image from being taken for the other.
            return run({"buildah", "bud", "-q", "--layers", "--isolation", "chroot", "--timestamp", "0",
                        "--format", format, "--label", "for=" + tag, "-t", "localhost/" + tag + ":1",
                        context});
        };
        const std::string layout = "oci:" + (root / "layout").string() + ":1";
        return build("oci", "built") && build("docker", "docker") && build("oci", "pulled") &&
               run({"buildah", "push", "-q", "localhost/pulled:1", layout}) &&
               run({"buildah", "rmi", "localhost/pulled:1"}) &&
               run({"skopeo", "--insecure-policy", "copy", "-q", layout,
                    "containers-storage:localhost/pulled:1"});
    }
};

Storage& storage() {
    static Storage the_storage;
    return the_storage;
}

std::shared_ptr<oci::ImageSource> open(const std::string& name) {
    return open_proxy_source(oci::Reference::parse("containers-storage:localhost/" + name + ":1"),
                             std::nullopt);
}

// Reads a layer to its end and checks it; its size.
std::uint64_t read_layer(const oci::Image& image, std::size_t index) {
    oci::LayerBlob blob = image.source->open_layer(image.manifest, image.config, index);
    EXPECT_EQ(blob.compression, oci::Compression::none);
    EXPECT_EQ(blob.digest, image.config.diff_ids.at(index));
    oci::VerifiedSource source(std::move(blob.bytes), blob.digest, blob.size);
    std::array<std::uint8_t, 16384> buffer{};
    while (source.read(buffer) > 0) {
    }
    source.finish();
    return source.bytes_read();
}

bool no_temporary_files() {
    return fs::is_empty(storage().root / "tmp");
}

int count_children() {
    int count = 0;
    for (const auto& entry : fs::directory_iterator("/proc/self/task")) {
        std::ifstream children(entry.path() / "children");
        for (std::string pid; children >> pid;) ++count;
    }
    return count;
}

class ProxySourceTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!storage().usable) GTEST_SKIP() << "needs skopeo and buildah, and the right to build";
    }
    void TearDown() override {
        if (!storage().usable) return;
        EXPECT_EQ(count_children(), 0);
        EXPECT_TRUE(no_temporary_files());
    }
};

TEST_F(ProxySourceTest, EveryKindOfImageIsReadAndVerified) {
    for (const char* name : {"built", "docker", "pulled"}) {
        const oci::Image image = oci::open_image(open(name), std::nullopt);
        ASSERT_EQ(image.manifest.layers.size(), 2U) << name;
        EXPECT_EQ(image.config.labels.at("for"), name);
        EXPECT_GT(read_layer(image, 0), 3UL * 1024 * 1024) << name;
        EXPECT_GT(read_layer(image, 1), 0U) << name;
        // Again: the proxy is used on, or another is started.
        EXPECT_GT(read_layer(image, 0), 3UL * 1024 * 1024) << name;
    }
}

TEST_F(ProxySourceTest, PulledImageKeepsItsManifest) {
    const oci::Image image = oci::open_image(open("pulled"), std::nullopt);
    EXPECT_EQ(image.manifest.layers.at(0).media_type, oci::kMediaTypeLayerGzip);
    EXPECT_NE(image.manifest.layers.at(0).digest, image.config.diff_ids.at(0));
}

class ProxySourceThreads : public ProxySourceTest {};

TEST_F(ProxySourceThreads, ReadSideBySide) {
    const oci::Image image = oci::open_image(open("pulled"), std::nullopt);
    std::array<std::uint64_t, 4> sizes{};
    std::vector<std::thread> threads;
    threads.reserve(sizes.size());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        threads.emplace_back([&image, &sizes, i] { sizes.at(i) = read_layer(image, i % 2); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(sizes[0], sizes[2]);
    EXPECT_GT(sizes[1], 0U);
}

TEST_F(ProxySourceThreads, TwoBlobsInOneThreadDoNotWaitForEachOther) {
    const oci::Image image = oci::open_image(open("built"), std::nullopt);
    const oci::LayerBlob first = image.source->open_layer(image.manifest, image.config, 0);
    std::array<std::uint8_t, 16> buffer{};
    EXPECT_GT(first.bytes->read(buffer), 0U);
    EXPECT_GT(read_layer(image, 1), 0U);
    EXPECT_GT(read_layer(image, 0), 0U);
    EXPECT_GT(first.bytes->read(buffer), 0U);
}

TEST_F(ProxySourceTest, NoFileIsLeftWhileABlobIsRead) {
    const oci::Image image = oci::open_image(open("built"), std::nullopt);
    const oci::LayerBlob blob = image.source->open_layer(image.manifest, image.config, 0);
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(storage().root / "tmp"))
        files += entry.is_regular_file();
    EXPECT_EQ(files, 0U);
}

TEST_F(ProxySourceTest, ReaderMayStopEarly) {
    const oci::Image image = oci::open_image(open("pulled"), std::nullopt);
    for (int i = 0; i < 3; ++i) {
        const oci::LayerBlob blob = image.source->open_layer(image.manifest, image.config, 0);
        std::array<std::uint8_t, 16> buffer{};
        EXPECT_GT(blob.bytes->read(buffer), 0U);
    }
    EXPECT_GT(read_layer(image, 0), 0U);
}

TEST_F(ProxySourceTest, BlobOutlivesItsSource) {
    std::unique_ptr<Source> bytes;
    {
        const oci::Image image = oci::open_image(open("built"), std::nullopt);
        bytes = image.source->open_layer(image.manifest, image.config, 1).bytes;
    }
    EXPECT_FALSE(read_all(*bytes, 1U << 20U, "layer").empty());
}

TEST_F(ProxySourceTest, UnknownBlobIsAnError) {
    const std::shared_ptr<oci::ImageSource> source = open("built");
    oci::Image image = oci::open_image(source, std::nullopt);
    image.config.diff_ids.at(0) = oci::Digest::of(as_bytes("nothing"));
    EXPECT_THROW(source->open_layer(image.manifest, image.config, 0), Error);
    EXPECT_GT(read_layer(image, 1), 0U);
}

TEST_F(ProxySourceTest, MissingImageIsNotFound) {
    try {
        open("none");
        FAIL() << "no Error was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::not_found) << error.message();
        EXPECT_FALSE(error.hint().empty());
        EXPECT_EQ(error.message().find("'containers-storage:localhost/none:1': "), 0U) << error.message();
    }
}

TEST_F(ProxySourceTest, InterruptionLeavesNoProcess) {
    const oci::Image image = oci::open_image(open("built"), std::nullopt);
    const oci::LayerBlob blob = image.source->open_layer(image.manifest, image.config, 0);
    std::array<std::uint8_t, 16> buffer{};
    set_interrupted(SIGINT);
    EXPECT_THROW(blob.bytes->read(buffer), Interrupted);
    set_interrupted(0);
}

// What is killed cannot clean up: the proxy must see the end of the socket by itself.
TEST_F(ProxySourceTest, ProxyEndsWithAClientThatIsKilled) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t client = ::fork();
    ASSERT_GE(client, 0);
    if (client == 0) {
        const oci::Image image = oci::open_image(open("built"), std::nullopt);
        const oci::LayerBlob blob = image.source->open_layer(image.manifest, image.config, 0);
        (void)!::write(ends[1], "x", 1);
        ::pause();
        ::_exit(0);
    }
    const Fd reader(ends[0]);
    Fd(ends[1]).close();
    char byte = 0;
    ASSERT_EQ(::read(reader.get(), &byte, 1), 1);
    std::vector<std::string> proxies;
    std::ifstream children("/proc/" + std::to_string(client) + "/task/" + std::to_string(client) +
                           "/children");
    for (std::string pid; children >> pid;) proxies.push_back(pid);
    EXPECT_FALSE(proxies.empty());
    ::kill(client, SIGKILL);
    ::waitpid(client, nullptr, 0);
    const auto alive = [&proxies] {
        return std::any_of(proxies.begin(), proxies.end(), [](const std::string& pid) {
            std::ifstream status("/proc/" + pid + "/stat");
            std::string line;
            // Nobody may be there to reap it: a zombie counts as ended.
            return std::getline(status, line) && line.find(") Z ") == std::string::npos;
        });
    };
    for (int i = 0; i < 300 && alive(); ++i) ::usleep(10000);
    EXPECT_FALSE(alive());
    for (const auto& entry : fs::directory_iterator(storage().root / "tmp")) fs::remove_all(entry.path());
}

TEST(ProxySource, MissingSkopeoHasAHint) {
    try {
        open_proxy_source(oci::Reference::parse("docker://localhost/x:1"), std::nullopt,
                          {"osb-no-such-skopeo"});
        FAIL() << "no Error was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::not_found);
        EXPECT_NE(error.hint().find("install"), std::string::npos);
    }
}

}  // namespace
}  // namespace osb::registry
