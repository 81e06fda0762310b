#include "ostree/sysroot/checkout.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/interrupt_watch.hh"
#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {

void check_out(const Repository& repository, const CommitId& commit, const std::string& below,
               const std::string& directory, const std::string& name) {
    const std::string target = concat(directory, '/', name);
    const std::string temporary = concat(directory, "/.", name, ".new");
    std::error_code failure;
    if (std::filesystem::is_directory(target, failure)) return;
    std::filesystem::remove_all(temporary, failure);  // of an interrupted run
    const Fd top = open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
    OstreeRepoCheckoutAtOptions options{};
    options.subpath = below.c_str();
    GErrorSlot error;
    InterruptWatch watch;
    const bool done = ostree_repo_checkout_at(repository.handle().repo.get(), &options, top.get(),
                                              concat('.', name, ".new").c_str(), commit.c_str(),
                                              watch.cancellable(), error.out()) != 0;
    watch.finish();
    error.check(done, concat("cannot check out ", commit));
    if (::syncfs(top.get()) != 0 || std::rename(temporary.c_str(), target.c_str()) != 0 ||
        ::fsync(top.get()) != 0) {
        throw_errno(concat("cannot write ", target));
    }
}

}  // namespace osb::ostree
