// A repository that another program has locked is waited for, and the wait ends when the user says so.
#include "ostree/objects/repository_lock.hh"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/interrupt.hh"
#include "ostree/import/pull.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/push/push_source.hh"
#include "tests/support/flock_hook.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

class RepositoryLockThreads : public ImportTest {
  protected:
    void SetUp() override {
        ImportTest::SetUp();
        plain({TarBuilder().file("a", "1")});
    }

    // Another program's lock, until the descriptor is closed.
    Fd lock_it(ostree::RepositoryLock kind) const {
        Fd file = open_at(AT_FDCWD, repo_path() + "/.lock", O_RDWR | O_CREAT, 0644);
        struct flock lock {};
        lock.l_type = kind == ostree::RepositoryLock::shared ? F_RDLCK : F_WRLCK;
        lock.l_whence = SEEK_SET;
        EXPECT_EQ(::fcntl(file.get(), F_OFD_SETLK, &lock), 0);
        return file;
    }

    // Runs `action`, and interrupts it a moment later. How long it went on then, in milliseconds.
    template<typename F>
    static std::int64_t interrupted_after(const F& action) {
        Clock::time_point interrupted;
        std::thread user([&interrupted] {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            interrupted = Clock::now();
            set_interrupted(2);
        });
        EXPECT_THROW(action(), Interrupted);
        const Clock::time_point ended = Clock::now();
        user.join();
        set_interrupted(0);
        return std::chrono::duration_cast<std::chrono::milliseconds>(ended - interrupted).count();
    }

    void set_config(const std::string& text) const {
        std::ofstream(repo_path() + "/config", std::ios::app) << "\n[core]\n" << text << '\n';
    }
};

TEST_F(RepositoryLockThreads, AnInterruptionEndsTheWaitAtOnce) {
    const Fd other = lock_it(ostree::RepositoryLock::exclusive);
    ostree::Repository repository = ostree::Repository::open(repo_path());
    const MemoryImage image = image_of({TarBuilder().file("a", "2")});
    NoProgress progress;
    EXPECT_LT(interrupted_after([&] {
                  ostree::import_image(repository, image.image, {.ref = ostree::RefName::parse("os/test")},
                                       progress);
              }),
              500);
    EXPECT_LT(interrupted_after([&] { ostree::PushSource(repository, "os/test", std::nullopt); }), 500);
    EXPECT_LT(
        interrupted_after([&] { ostree::wait_for_lock(repository, ostree::RepositoryLock::exclusive); }),
        500);
}

TEST_F(RepositoryLockThreads, TheWaitEndsWithTheLock) {
    ostree::Repository repository = ostree::Repository::open(repo_path());
    for (const auto kind : {ostree::RepositoryLock::exclusive, ostree::RepositoryLock::shared}) {
        Fd other = lock_it(kind);
        std::thread later([&other] {
            std::this_thread::sleep_for(std::chrono::milliseconds(60));
            other.close();
        });
        const Clock::time_point begin = Clock::now();
        const Fd lock = ostree::wait_for_lock(repository, ostree::RepositoryLock::shared);
        const bool waited = Clock::now() - begin > std::chrono::milliseconds(50);
        EXPECT_EQ(waited, kind == ostree::RepositoryLock::exclusive)
            << "those who share do not wait for each other";
        EXPECT_TRUE(lock);
        later.join();
        // libostree takes its own beside it.
        const ostree::Transaction transaction(repository);
    }
}

TEST_F(RepositoryLockThreads, TheRepositorySaysHowLong) {
    set_config("lock-timeout-secs=0");
    const Fd other = lock_it(ostree::RepositoryLock::exclusive);
    ostree::Repository repository = ostree::Repository::open(repo_path());
    try {
        const ostree::Transaction transaction(repository);
        ADD_FAILURE() << "did not wait";
    } catch (const Error& error) {
        EXPECT_EQ(exit_status(error.kind()), 1);
        EXPECT_NE(error.message().find("locked"), std::string::npos) << error.message();
    }
    set_config("locking=false");
    repository = ostree::Repository::open(repo_path());
    EXPECT_NO_THROW(ostree::Transaction{repository});
}

// A network filesystem without a lock daemon, for one.
TEST_F(RepositoryLockThreads, WhereNothingCanBeLockedImportEnds) {
    const FlockHook no_locks([] { return ENOLCK; });
    try {
        import(image_of({TarBuilder().file("a", "2")}).image);
        ADD_FAILURE() << "was imported";
    } catch (const Error& error) {
        EXPECT_EQ(exit_status(error.kind()), 1);
        EXPECT_NE(error.message().find("cannot lock"), std::string::npos) << error.message();
    }
    for (const auto& entry : fs::directory_iterator(repo_path() + "/tmp"))
        EXPECT_FALSE(entry.path().filename().string().starts_with("osb-import-")) << entry.path();
}

}  // namespace
}  // namespace osb::test
