#include "ostree/sysroot/sysroot.hh"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <utility>

#include "base/escape.hh"
#include "base/fd.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "base/stream.hh"
#include "base/temporary_directory.hh"
#include "base/umask_scope.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/interrupt_watch.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/repository_lock.hh"
#include "ostree/sysroot/immutable_flags.hh"
#include "ostree/sysroot/kernel_options.hh"
#include "ostree/sysroot/lock_holder.hh"
#include "ostree/sysroot/os_name.hh"

namespace osb::ostree {
namespace {

constexpr std::string_view kOstreeArgument = "ostree=";
constexpr std::string_view kHolderNote = "/ostree/osb-oci/lock-holder";

struct PtrArrayDeleter {
    void operator()(GPtrArray* array) const noexcept { g_ptr_array_unref(array); }
};
using PtrArrayPtr = std::unique_ptr<GPtrArray, PtrArrayDeleter>;

GKeyFilePtr parse_origin(const std::string& text) {
    return with_context([] { return "the origin of the deployment"; }, [&] { return parse_key_file(text); });
}

UsrState usr_state(OstreeDeployment* object) {
    switch (ostree_deployment_get_unlocked(object)) {
        case OSTREE_DEPLOYMENT_UNLOCKED_DEVELOPMENT:
            return UsrState::development;
        case OSTREE_DEPLOYMENT_UNLOCKED_HOTFIX:
            return UsrState::hotfix;
        case OSTREE_DEPLOYMENT_UNLOCKED_TRANSIENT:
            return UsrState::transient;
        case OSTREE_DEPLOYMENT_UNLOCKED_NONE:
            break;
    }
    return UsrState::read_only;
}

bool try_lock(OstreeSysroot* sysroot) {
    gboolean acquired = FALSE;
    GErrorSlot error;
    error.check(ostree_sysroot_try_lock(sysroot, &acquired, error.out()) != 0, "cannot lock the sysroot");
    return acquired != 0;
}

DeploymentId id_of(OstreeDeployment* object) {
    return {.stateroot = ostree_deployment_get_osname(object),
            .commit = CommitId::parse(ostree_deployment_get_csum(object)),
            .serial = ostree_deployment_get_deployserial(object)};
}

}  // namespace

std::string_view to_string(UsrState state) noexcept {
    switch (state) {
        case UsrState::development:
            return "development";
        case UsrState::hotfix:
            return "hotfix";
        case UsrState::transient:
            return "transient";
        case UsrState::read_only:
            break;
    }
    return "none";
}

struct Sysroot::Handle {
    GObjectPtr<OstreeSysroot> sysroot;
    std::string path;
    std::vector<Deployment> deployments;
    // libostree's objects for `deployments`, and for the results of deploy().
    std::vector<GObjectPtr<OstreeDeployment>> objects;
    bool locked = false;
    // All users may read the files that `status` reads.
    std::optional<UmaskScope> umask;
    std::optional<LockHolder> holder;

    ~Handle() {
        holder.reset();
        if (locked) ostree_sysroot_unlock(sysroot.get());
    }
    Handle() = default;
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    OstreeDeployment* object_of(const Deployment& deployment) const {
        for (const auto& object : objects) {
            if (id_of(object.get()) == deployment.id) return object.get();
        }
        throw Error(ErrorKind::not_found, concat("there is no deployment ", deployment.id.to_string()));
    }
    Deployment describe(OstreeDeployment* object) const;
};

Deployment Sysroot::Handle::describe(OstreeDeployment* object) const {
    Deployment out{.id = id_of(object)};
    out.boot_checksum = ostree_deployment_get_bootcsum(object);
    out.boot_path = concat("/ostree/boot.", std::to_string(ostree_sysroot_get_bootversion(sysroot.get())),
                           '/', out.id.stateroot, '/', out.boot_checksum, '/',
                           std::to_string(ostree_deployment_get_bootserial(object)));
    if (GKeyFile* origin = ostree_deployment_get_origin(object)) {
        out.origin = key_file_text(origin);
    }
    if (OstreeBootconfigParser* boot = ostree_deployment_get_bootconfig(object)) {
        const char* options = ostree_bootconfig_parser_get(boot, "options");
        if (options != nullptr) out.kernel_options = split_kernel_options(options);
        std::erase_if(out.kernel_options,
                      [](const std::string& s) { return s.starts_with(kOstreeArgument); });
    }
    OstreeDeployment* booted = ostree_sysroot_get_booted_deployment(sysroot.get());
    out.booted = booted != nullptr && ostree_deployment_equal(booted, object) != 0;
    out.usr = usr_state(object);
    out.pinned = ostree_deployment_is_pinned(object) != 0;
    out.staged = ostree_deployment_is_staged(object) != 0;
    return out;
}

Sysroot::Sysroot(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Sysroot::Sysroot(Sysroot&&) noexcept = default;
Sysroot& Sysroot::operator=(Sysroot&&) noexcept = default;
Sysroot::~Sysroot() = default;

namespace {

GObjectPtr<OstreeSysroot> sysroot_at(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::is_directory(concat(path, "/ostree/repo"), error)) {
        throw Error(ErrorKind::not_found, concat("there is no ostree sysroot in ", quoted(path)))
            .hint(path == "/" ? "this system was not started from a deployment; use --sysroot DIR for a "
                                "mounted one"
                              : "--sysroot requires the directory that holds ostree/repo and ostree/deploy");
    }
    // libostree prints the freed space to standard output, which is only for results.
    g_set_print_handler([](const char* text) { log_debug(escape(text)); });
    // system/, not libostree, decides which deployments to remove when BOOT is full.
    ::setenv("OSTREE_SYSROOT_OPTS", "no-early-prune", 0);
    const GObjectPtr<GFile> file(g_file_new_for_path(path.c_str()));
    return GObjectPtr<OstreeSysroot>(ostree_sysroot_new(file.get()));
}

// Waits for the lock that all programs of libostree take.
void wait_for_lock(OstreeSysroot* sysroot, const std::string& note) {
    using namespace std::chrono_literals;
    bool told = false;
    while (!try_lock(sysroot)) {
        if (!std::exchange(told, true))
            log_info(
                concat("waiting for ", describe_lock_holder(note), ", which is changing the deployments"));
        check_interrupt();
        std::this_thread::sleep_for(200ms);
    }
}

// Hides the bootloader in the configuration of a sysroot that is not booted. libostree runs the bootloader's
// program (docs/install.md, "The menu") only in a booted system, and fails an assertion elsewhere. The change
// is visible only to this process, in its own mount namespace.
void hide_bootloader(const std::string& path) {
    const std::string config = concat(path, "/ostree/repo/config");
    constexpr std::size_t kMaxConfig = 1024UL * 1024;
    std::string text = read_regular_file(AT_FDCWD, config, kMaxConfig);
    const std::size_t at = text.find("\nbootloader=zipl");
    if (at == std::string::npos) return;
    text.replace(at, std::string_view("\nbootloader=zipl").size(), "\nbootloader=none");
    // $TMPDIR may be missing, and the disk of the sysroot may be full.
    std::string copy;
    Fd file;
    for (const std::string& directory :
         {temporary_directory(), std::string("/tmp"), path + "/ostree/repo/tmp"}) {
        copy = directory + "/osb-oci-config-XXXXXX";
        file = Fd(::mkostemp(copy.data(), O_CLOEXEC));
        if (file) break;
    }
    if (!file) throw_errno("cannot create a temporary file");
    // The mounted file needs no name, and a failure must not leave one.
    const auto unlink_file = [](const std::string* name) { ::unlink(name->c_str()); };
    const std::unique_ptr<const std::string, decltype(unlink_file)> unlink_at_end(&copy, unlink_file);
    write_all(file.get(), as_bytes(text), copy);
    if (::mount(copy.c_str(), config.c_str(), nullptr, MS_BIND, nullptr) != 0) {
        throw_errno(concat("cannot hide ", quoted(config)));
    }
}

// libostree finds the program that writes the bootloader's menu through $PATH, which may lack the directories
// of system programs in a cron job, or be missing.
void complete_path() {
    const char* const given = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): there is one thread
    std::string path = given == nullptr ? "" : given;
    for (const char* directory : {"/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
        if (concat(':', path, ':').find(concat(':', directory, ':')) != std::string::npos) continue;
        path += concat(path.empty() ? "" : ":", directory);
    }
    if (::setenv("PATH", path.c_str(), 1) != 0)
        throw_errno("cannot set PATH");  // NOLINT(concurrency-mt-unsafe)
}

void enter_mount_namespace(OstreeSysroot* sysroot, const std::string& path) {
    GErrorSlot error;
    // "/" may also be a deployment that somebody entered with chroot, for repairs.
    if (path == "/" && ::access("/run/ostree-booted", F_OK) == 0) {
        complete_path();
        error.check(ostree_sysroot_initialize_with_mount_namespace(sysroot, nullptr, error.out()) != 0,
                    "cannot open the sysroot");
        return;
    }
    if (::unshare(CLONE_NEWNS) != 0) throw_errno("cannot make a mount namespace");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
        if (errno != EINVAL) throw_errno("cannot make a mount namespace");
        throw Error(ErrorKind::io,
                    "cannot make a mount namespace: '/' is not a mount point, as in a chroot of a directory")
            .hint("leave it and use --sysroot, or run 'mount --bind DIR DIR' before 'chroot DIR'");
    }
    ostree_sysroot_set_mount_namespace_in_use(sysroot);
    hide_bootloader(path);
}

}  // namespace

namespace {

constexpr const char* kDeployments = "/ostree/deploy";

// libostree uses the time of this directory to detect changes of the deployments. It updates the time with
// each change, and fails an assertion if the time is 0.
bool has_no_time(const std::string& path) {
    struct stat st {};
    return ::stat(concat(path, kDeployments).c_str(), &st) == 0 && st.st_mtim.tv_sec == 0 &&
           st.st_mtim.tv_nsec == 0;
}

void set_time(const std::string& path) {
    if (!has_no_time(path)) return;
    if (::utimensat(AT_FDCWD, concat(path, kDeployments).c_str(), nullptr, 0) != 0)
        throw_errno("cannot set the time of the directory of the deployments");
}

// Calls `visit` with the directory of each deployment on the disk, listed in the boot entries or not, and its
// id. What cannot be listed is skipped.
void for_each_directory(const std::string& deployments,
                        const std::function<void(const DeploymentId&, const std::filesystem::path&)>& visit) {
    namespace fs = std::filesystem;
    std::error_code error;
    for (fs::directory_iterator stateroot(deployments, error), end; !error && stateroot != end;
         stateroot.increment(error)) {
        std::error_code none;
        for (fs::directory_iterator entry(stateroot->path() / "deploy", none); !none && entry != end;
             entry.increment(none)) {
            const auto id = DeploymentId::try_parse(stateroot->path().filename().string(),
                                                    entry->path().filename().string());
            std::error_code unknown;
            if (id && entry->is_directory(unknown)) visit(*id, entry->path());
        }
    }
}

}  // namespace

// libostree takes a sysroot without boot entries for an empty one, and would remove every deployment at the
// next occasion.
void Sysroot::check_entries() const {
    if (!handle_->deployments.empty()) return;
    std::size_t there = 0;
    for_each_directory(path_of("ostree/deploy"), [&](const DeploymentId&, const auto&) { ++there; });
    if (there == 0) return;
    throw Error(ErrorKind::not_found, concat(quoted(boot()), " has no boot entries, but the system has ",
                                             there, there == 1 ? " deployment" : " deployments"))
        .code("no_boot_entries")
        .hint(mount_boot_hint());
}

std::string Sysroot::mount_boot_hint() const {
    return concat("mount the filesystem BOOT at ", quoted(boot()), " first");
}

void Sysroot::load() {
    GErrorSlot error;
    if (has_no_time(handle_->path)) {
        throw Error(ErrorKind::io, concat("the directory ", quoted(handle_->path + kDeployments),
                                          " has the time 0, and libostree cannot read it"))
            .hint("run 'touch' on it, or change the deployments");
    }
    OstreeSysroot* sysroot = handle_->sysroot.get();
    try {
        error.check(ostree_sysroot_load(sysroot, nullptr, error.out()) != 0, "cannot read the deployments");
    } catch (Error& failure) {
        // A running system in which BOOT is not mounted.
        std::error_code unknown;
        if (!std::filesystem::exists(concat(boot(), "/loader"), unknown) && !unknown)
            failure.code("no_boot_entries").hint(mount_boot_hint());
        throw;
    }
    handle_->objects.clear();
    handle_->deployments.clear();
    const PtrArrayPtr list(ostree_sysroot_get_deployments(sysroot));
    for (guint i = 0; i < list->len; ++i) {
        auto* object = static_cast<OstreeDeployment*>(g_ptr_array_index(list.get(), i));
        handle_->objects.emplace_back(static_cast<OstreeDeployment*>(g_object_ref(object)));
        handle_->deployments.push_back(handle_->describe(object));
    }
}

Sysroot Sysroot::open(const std::string& path) {
    auto handle = std::make_unique<Handle>();
    handle->sysroot = sysroot_at(path);
    handle->path = path;
    Sysroot out(std::move(handle));
    out.load();
    out.check_entries();
    return out;
}

Sysroot Sysroot::open_locked(const std::string& path) {
    auto handle = std::make_unique<Handle>();
    handle->sysroot = sysroot_at(path);
    handle->path = path;
    if (::geteuid() != 0) {
        throw Error(ErrorKind::refused, "only root may change the deployments of a system").code("not_root");
    }
    handle->umask.emplace(022);
    enter_mount_namespace(handle->sysroot.get(), path);
    set_time(path);
    const std::string note = concat(path == "/" ? std::string() : path, kHolderNote);
    wait_for_lock(handle->sysroot.get(), note);
    handle->locked = true;
    handle->holder.emplace(note);
    Sysroot out(std::move(handle));
    out.load();
    out.check_entries();
    return out;
}

const std::string& Sysroot::path() const {
    return handle_->path;
}

std::string Sysroot::path_of(const std::string& below) const {
    return handle_->path == "/" ? concat('/', below) : concat(handle_->path, '/', below);
}

Repository Sysroot::repository() const {
    return Repository::open(path_of("ostree/repo"));
}

const std::vector<Deployment>& Sysroot::deployments() const {
    return handle_->deployments;
}

std::optional<Deployment> Sysroot::booted() const {
    for (const Deployment& deployment : handle_->deployments) {
        if (deployment.booted) return deployment;
    }
    return std::nullopt;
}

std::optional<Deployment> Sysroot::find(const DeploymentId& id) const {
    for (const Deployment& deployment : handle_->deployments) {
        if (deployment.id == id) return deployment;
    }
    return std::nullopt;
}

Deployment Sysroot::deploy(const NewDeployment& deployment) {
    const GKeyFilePtr origin = parse_origin(deployment.origin);
    std::vector<char*> arguments;
    for (const std::string& word : deployment.kernel_options) {
        arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT: libostree's type; it copies
    }
    arguments.push_back(nullptr);
    OstreeSysrootDeployTreeOpts options{};
    options.override_kernel_argv = arguments.data();
    OstreeDeployment* made = nullptr;
    GErrorSlot error;
    error.check(ostree_sysroot_deploy_tree_with_options(
                    handle_->sysroot.get(), deployment.stateroot.c_str(), deployment.commit.c_str(),
                    origin.get(), deployment.merge ? handle_->object_of(*deployment.merge) : nullptr,
                    &options, &made, nullptr, error.out()) != 0,
                concat("cannot deploy ", deployment.commit));
    handle_->objects.emplace_back(made);
    Deployment out = handle_->describe(made);
    out.kernel_options = deployment.kernel_options;
    return out;
}

void Sysroot::write(const std::vector<Deployment>& deployments, const std::function<void()>& and_then) {
    const PtrArrayPtr list(g_ptr_array_new_with_free_func(g_object_unref));
    for (const Deployment& deployment : deployments) {
        g_ptr_array_add(list.get(), g_object_ref(handle_->object_of(deployment)));
        ensure_os_name(open_at(AT_FDCWD, path_of(deployment.id.path()), O_RDONLY | O_DIRECTORY).get());
    }
    OstreeSysrootWriteDeploymentsOpts options{};  // do_postclean is FALSE
    GErrorSlot error;
    error.check(ostree_sysroot_write_deployments_with_options(handle_->sysroot.get(), list.get(), &options,
                                                              nullptr, error.out()) != 0,
                "cannot write the boot entries");
    load();
    if (and_then) and_then();
    remove_undeployed();
}

bool Sysroot::clear_undeployed_flags() {
    std::size_t cleared = 0;
    for_each_directory(path_of("ostree/deploy"), [&](const DeploymentId& id, const auto& directory) {
        if (!find(id)) cleared += clear_immutable_flags(directory);
    });
    return cleared > 0;
}

void Sysroot::remove_undeployed() {
    // The refs of deployments are written in a transaction, which needs this lock.
    const Fd lock = wait_for_lock(repository(), RepositoryLock::shared);
    const auto prepare = [this](GErrorSlot& error) {
        return ostree_sysroot_prepare_cleanup(handle_->sysroot.get(), nullptr, error.out()) != 0;
    };
    GErrorSlot first;
    if (prepare(first)) return;
    // An administrator's `chattr +i` in the /etc of an old deployment must not break all later upgrades.
    GErrorSlot second;
    const bool cleared = clear_undeployed_flags();
    if (cleared && prepare(second)) return;
    (cleared ? second : first).check(false, "cannot remove undeployed files");
}

void Sysroot::set_pinned(const Deployment& deployment, bool pinned) {
    // The mark is in the origin file, which libostree requires to exist.
    if (deployment.origin.empty()) set_origin(deployment, "[origin]\n");
    GErrorSlot error;
    error.check(ostree_sysroot_deployment_set_pinned(handle_->sysroot.get(), handle_->object_of(deployment),
                                                     pinned ? TRUE : FALSE, error.out()) != 0,
                "cannot pin the deployment");
    load();
}

void Sysroot::set_origin(const Deployment& deployment, const std::string& origin) {
    const GKeyFilePtr file = parse_origin(origin);
    GErrorSlot error;
    error.check(ostree_sysroot_write_origin_file(handle_->sysroot.get(), handle_->object_of(deployment),
                                                 file.get(), nullptr, error.out()) != 0,
                "cannot write the origin of the deployment");
    if (find(deployment.id)) load();
}

std::uint64_t Sysroot::cleanup(const std::vector<std::string>& unused_refs) {
    remove_undeployed();
    return prune(unused_refs);
}

std::uint64_t Sysroot::prune(const std::vector<std::string>& unused_refs) {
    Repository repository = this->repository();
    {
        Transaction transaction(repository);
        transaction.lock_refs();
        for (const std::string& ref : unused_refs) transaction.delete_ref(ref);
        transaction.commit();
    }
    {
        Transaction transaction(repository);
        transaction.lock_refs();
        forget_unused_layers(transaction, repository, {});
        transaction.commit();
    }
    gint total = 0;
    gint pruned = 0;
    guint64 freed = 0;
    wait_for_lock(repository, RepositoryLock::exclusive);
    GErrorSlot error;
    InterruptWatch watch;
    const bool done = ostree_repo_prune(repository.handle().repo.get(), OSTREE_REPO_PRUNE_FLAGS_REFS_ONLY, 0,
                                        &total, &pruned, &freed, watch.cancellable(), error.out()) != 0;
    watch.finish();
    error.check(done, "cannot prune the repository");
    load();
    return freed;
}

}  // namespace osb::ostree
