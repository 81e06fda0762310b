#include "image/settings/customize.hh"

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "image/deployment/deployed_paths.hh"
#include "image/settings/accounts.hh"
#include "image/settings/time_service.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::image {
namespace {

constexpr std::size_t kMaxEditedFile = 4UL << 20U;  // of a file that is edited

class Customizer {
  public:
    Customizer(SysrootLayout& layout, const Customizations& wanted, const ostree::Repository& repository,
               std::int64_t time)
        : layout_(layout),
          wanted_(wanted),
          repository_(repository),
          time_(time),
          accounts_(read("/etc/passwd"), read("/etc/group"), read("/etc/shadow")) {}

    void run() {
        if (!wanted_.hostname.empty()) write("/etc/hostname", wanted_.hostname + '\n', 0644);
        if (!wanted_.timezone.empty()) set_timezone();
        if (!wanted_.ntp_servers.empty()) set_time_servers();
        for (const GroupCustomization& group : wanted_.groups) accounts_.add_group(group);
        for (const UserCustomization& user : users_with_keys()) set_user(user);
        for (const FileCustomization& file : wanted_.files) add_file(file);
        set_services();
        if (!wanted_.locale.language.empty()) set_language();
        if (!wanted_.locale.keyboard.empty()) set_keyboard();
        if (wanted_.groups.empty() && wanted_.users.empty()) return;
        write("/etc/passwd", accounts_.passwd(), 0644);
        write("/etc/group", accounts_.group(), 0644);
        write("/etc/shadow", accounts_.shadow(), 0640);
    }

  private:
    std::optional<InodeId> find(const PlacedEntry& place) const {
        return layout_.root.child(place.directory, place.name);
    }

    // Returns "" if there is no such file.
    std::string read(const std::string& path) {
        const std::optional<InodeId> found = find(place_path(layout_, path, false, time_));
        if (!found) return {};
        return read(layout_.root.inode(*found), path);
    }

    std::string read(const Inode& inode, const std::string& path) const {
        check_file(inode, path);
        if (!inode.content.is_object) return inode.content.bytes;
        const ostree::ContentObject object = ostree::open_object(repository_, inode.content.object);
        return object.content ? read_all(*object.content, kMaxEditedFile, path) : std::string{};
    }

    static void check_file(const Inode& inode, const std::string& path) {
        if (inode.kind == InodeKind::file) return;
        throw Error(ErrorKind::invalid, concat(quoted(path), " is not a file"));
    }

    // An existing file keeps its owner and mode.
    void write(const std::string& path, std::string text, std::uint32_t mode) {
        const PlacedEntry place = place_path(layout_, path, true, time_);
        if (const std::optional<InodeId> found = find(place)) {
            check_file(layout_.root.inode(*found), path);
            layout_.root.set_content(*found, Content::of(std::move(text)));
            layout_.root.attributes(*found).mtime = time_;
        } else {
            layout_.root.add_file(place.directory, place.name, {.mode = mode, .mtime = time_},
                                  Content::of(std::move(text)));
        }
    }

    void set_timezone() {
        const std::string zone = "usr/share/zoneinfo/" + wanted_.timezone;
        const std::optional<InodeId> data = layout_.root.find(zone, layout_.deployment);
        if (!data || layout_.root.inode(*data).kind == InodeKind::directory) {
            throw Error(ErrorKind::invalid,
                        concat("the system does not have the time zone ", quoted(wanted_.timezone)))
                .hint("install the package tzdata in the image");
        }
        const PlacedEntry place = place_path(layout_, "/etc/localtime", false, time_);
        if (const std::optional<InodeId> found = find(place)) {
            layout_.root.turn_into_symlink(*found, "../" + zone);
        } else {
            layout_.root.add_symlink(place.directory, place.name, {.mtime = time_}, "../" + zone);
        }
        write("/etc/timezone", wanted_.timezone + '\n', 0644);
    }

    bool in_etc(std::string_view path) const { return layout_.root.find(path, layout_.etc).has_value(); }

    // The service named ntpd is that of BusyBox, or that of a package with other options.
    bool has_busybox_ntpd() const {
        constexpr std::array kPlaces{"usr/sbin/ntpd", "usr/bin/ntpd", "sbin/ntpd", "bin/ntpd"};
        return in_etc("init.d/ntpd") && std::any_of(kPlaces.begin(), kPlaces.end(), [this](const char* path) {
                   const std::optional<InodeId> id = layout_.root.find(path, layout_.deployment);
                   return id && layout_.root.inode(*id).kind == InodeKind::symlink &&
                          layout_.root.inode(*id).content.bytes.ends_with("busybox");
               });
    }

    // Configures every time service that may be the running one.
    void set_time_servers() {
        std::vector<std::string> services;
        for (const std::string path : {"chrony/chrony.conf", "chrony.conf"}) {
            if (!in_etc(path)) continue;
            const std::string full = "/etc/" + path;
            write(full, chrony_with_servers(read(full), wanted_.ntp_servers), 0644);
            services.emplace_back("chronyd");
        }
        if (has_busybox_ntpd()) {
            const std::string path = "/etc/conf.d/ntpd";
            write(path, ntpd_with_servers(in_etc("conf.d/ntpd") ? read(path) : "", wanted_.ntp_servers),
                  0644);
            services.emplace_back("ntpd");
        }
        if (services.empty()) {
            throw Error(ErrorKind::invalid, "the system has no client for time servers")
                .hint("install the package chrony in the image");
        }
        start_one_of(services);
    }

    // Returns OpenRC's runlevels that start the service; empty on a system without OpenRC.
    std::vector<InodeId> levels_of(const std::string& service) const {
        std::vector<InodeId> out;
        const std::optional<InodeId> levels = layout_.root.find("runlevels", layout_.etc);
        if (!levels) return out;
        for (const auto& [name, level] : layout_.root.inode(*levels).children) {
            if (layout_.root.child(level, service)) out.push_back(level);
        }
        return out;
    }

    // Adds the service to its usual runlevel, unless it already is in one.
    void enable(const std::string& service, const std::string& level) {
        if (!levels_of(service).empty()) return;
        const PlacedEntry place =
            place_path(layout_, concat("/etc/runlevels/", level, '/', service), true, time_);
        layout_.root.add_symlink(place.directory, place.name, {.mtime = time_}, "/etc/init.d/" + service);
    }

    // Starts one of these services. With OpenRC, an installed service need not run.
    void start_one_of(const std::vector<std::string>& services) {
        if (!in_etc("runlevels")) return;
        for (const std::string& service : services) {
            if (!levels_of(service).empty()) return;
        }
        for (const std::string& service : services) {
            if (in_etc("init.d/" + service)) return enable(service, "default");
        }
        throw Error(ErrorKind::invalid, concat("the system has no service ", quoted(services.front())));
    }

    void set_services() {
        const ServicesCustomization& services = wanted_.services;
        for (const auto* names : {&services.enabled, &services.disabled, &services.masked}) {
            for (const std::string& name : *names) check_service(name);
        }
        for (const std::string& name : services.enabled) enable(name, "default");
        for (const std::string& name : services.disabled) disable(name);
        for (const std::string& name : services.masked) {
            disable(name);
            log_warning(concat("OpenRC cannot mask a service: ", quoted(name),
                               " is only disabled, and starts if another service needs it"));
        }
    }

    void check_service(const std::string& name) const {
        if (!in_etc("runlevels")) {
            throw Error(ErrorKind::invalid, "the system does not have OpenRC's runlevels for services");
        }
        if (in_etc("init.d/" + name)) return;
        throw Error(ErrorKind::invalid, concat("the system has no service ", quoted(name)))
            .hint("services are the names of the files in /etc/init.d");
    }

    void disable(const std::string& service) {
        for (const InodeId level : levels_of(service)) layout_.root.remove(level, service);
    }

    // For shells; Alpine's own 20locale.sh keeps what is set before it.
    void set_language() {
        if (!in_etc("profile.d")) {
            throw Error(ErrorKind::invalid, "the system has no /etc/profile.d, which sets the language");
        }
        write("/etc/profile.d/10language.sh", concat("export LANG=", wanted_.locale.language, '\n'), 0644);
    }

    // As Alpine's setup-keymap does, but without the copy of the keymap.
    void set_keyboard() {
        const std::string path = find_keymap();
        if (path.empty() || !in_etc("init.d/loadkmap")) {
            throw Error(ErrorKind::invalid,
                        concat("the system cannot load the keymap ", quoted(wanted_.locale.keyboard)))
                .hint("install the packages busybox-openrc and kbd-bkeymaps in the image");
        }
        const std::string config = "/etc/conf.d/loadkmap";
        std::string text;
        std::istringstream lines(read(config));
        for (std::string line; std::getline(lines, line);) {
            if (!line.starts_with("KEYMAP=")) text += line + '\n';
        }
        write(config, concat(text, "KEYMAP=", path, '\n'), 0644);
        enable("loadkmap", "boot");
    }

    // Returns the path in the package kbd-bkeymaps: LAYOUT/KEYMAP.bmap.gz. "" if there is none.
    std::string find_keymap() const {
        const std::string maps = "usr/share/bkeymaps";
        const std::string name = wanted_.locale.keyboard + ".bmap.gz";
        const std::optional<InodeId> layouts = layout_.root.find(maps, layout_.deployment);
        if (!layouts) return {};
        for (const auto& [layout, directory] : layout_.root.inode(*layouts).children) {
            if (layout_.root.child(directory, name)) return concat('/', maps, '/', layout, '/', name);
        }
        return {};
    }

    // Adds the keys of [[sshkey]] to their users.
    std::vector<UserCustomization> users_with_keys() const {
        std::vector<UserCustomization> out = wanted_.users;
        for (const KeyCustomization& more : wanted_.keys) {
            const auto known = std::find_if(out.begin(), out.end(),
                                            [&](const auto& user) { return user.name == more.user; });
            if (known != out.end()) {
                known->keys.insert(known->keys.end(), more.keys.begin(), more.keys.end());
                continue;
            }
            static_cast<void>(user_id(more.user));
            out.push_back({.name = more.user, .keys = more.keys});
        }
        return out;
    }

    bool has_musl() const {
        const std::optional<InodeId> lib = layout_.root.find("usr/lib", layout_.deployment);
        if (!lib || layout_.root.inode(*lib).kind != InodeKind::directory) return false;
        const auto& children = layout_.root.inode(*lib).children;
        return std::any_of(children.begin(), children.end(),
                           [](const auto& child) { return child.first.starts_with("ld-musl-"); });
    }

    // The default of Debian and Fedora, which musl lacks.
    void check_password(const UserCustomization& user) const {
        if (!user.password || !has_musl()) return;
        for (const char* scheme : {"$y$", "$gy$", "$7$"}) {
            if (!user.password->starts_with(scheme)) continue;
            log_warning(concat("the crypt(3) of musl does not know the scheme ", scheme,
                               " of the password of the user ", quoted(user.name),
                               ": nobody can log in with it; 'openssl passwd -6' makes one that it knows"));
        }
    }

    void set_user(const UserCustomization& user) {
        check_password(user);
        const Account account = accounts_.set_user(user);
        if (account.home.size() < 2) {  // "/" and "" are not homes
            if (user.keys.empty()) return;
            throw Error(ErrorKind::invalid, concat("the user ", quoted(user.name),
                                                   " cannot have a key: the home is ", quoted(account.home)))
                .hint("give the user another home with [[customizations.user]]");
        }
        // The image is responsible for the home of a user that it has.
        if (!account.is_new && !user.home && user.keys.empty()) return;
        with_context([&] { return concat("the home of the user ", quoted(user.name)); },
                     [&] { fill_home(user, account); });
    }

    void fill_home(const UserCustomization& user, const Account& account) {
        const OwnDirectory home = own_directory(account.home, 0700, account);
        const bool from_skeleton = account.is_new && home.is_new;
        if (from_skeleton) copy_skeleton(home.id, account);
        if (user.keys.empty()) return;
        const InodeId ssh = own_directory(account.home + "/.ssh", 0700, account).id;
        std::string keys;
        for (const std::string& key : user.keys) keys += key + '\n';
        const Attributes attributes{.mode = 0600, .uid = account.uid, .gid = account.gid, .mtime = time_};
        if (const std::optional<InodeId> found = layout_.root.child(ssh, "authorized_keys")) {
            if (!from_skeleton) throw Error(ErrorKind::invalid, "already has authorized_keys");
            keys.insert(0, read(layout_.root.inode(*found), "authorized_keys"));
            layout_.root.set_content(*found, Content::of(keys));
            return;
        }
        layout_.root.add_file(ssh, "authorized_keys", attributes, Content::of(keys));
    }

    // As useradd -m does.
    void copy_skeleton(InodeId home, const Account& account) {
        const std::optional<InodeId> skeleton = layout_.root.child(layout_.etc, "skel");
        if (!skeleton) return;
        if (layout_.root.inode(*skeleton).kind != InodeKind::directory) {
            throw Error(ErrorKind::invalid, "'/etc/skel' is not a directory");
        }
        copy_children(*skeleton, home, account);
    }

    void copy_children(InodeId from, InodeId to, const Account& account) {
        // These must be copies: adding an inode may move the others.
        const auto children = layout_.root.inode(from).children;
        for (const auto& [name, id] : children) {
            const Inode original = layout_.root.inode(id);
            Attributes attributes = original.attributes;
            attributes.uid = account.uid;
            attributes.gid = account.gid;
            attributes.mtime = time_;
            if (original.kind == InodeKind::symlink) {
                layout_.root.add_symlink(to, name, attributes, original.content.bytes);
            } else if (original.kind == InodeKind::file) {
                layout_.root.add_file(to, name, attributes, original.content);
            } else {
                copy_children(id, layout_.root.add_directory(to, name, attributes), account);
            }
        }
    }

    // An existing directory stays as it is. A home may be a symbolic link, as /root is. Its target counts.
    struct OwnDirectory {
        InodeId id = 0;
        bool is_new = false;
    };
    OwnDirectory own_directory(const std::string& path, std::uint32_t mode, const Account& account) {
        const std::size_t known = layout_.root.inodes().size();
        const InodeId id = place_path(layout_, path + "/entry", true, time_).directory;
        const bool is_new = id >= known;
        if (is_new) {
            layout_.root.attributes(id) = {
                .mode = mode, .uid = account.uid, .gid = account.gid, .mtime = time_};
        }
        return {id, is_new};
    }

    std::uint32_t user_id(const std::string& name) const {
        if (const std::optional<std::uint32_t> id = accounts_.uid(name)) return *id;
        if (name == "root") return 0;
        throw Error(ErrorKind::invalid, concat("the system has no user ", quoted(name)));
    }

    std::uint32_t group_id(const std::string& name) const {
        if (const std::optional<std::uint32_t> id = accounts_.gid(name)) return *id;
        if (name == "root") return 0;
        throw Error(ErrorKind::invalid, concat("the system has no group ", quoted(name)));
    }

    void add_file(const FileCustomization& file) {
        with_context([&] { return quoted(file.path); }, [&] { place_file(file); });
    }

    void place_file(const FileCustomization& file) {
        const PlacedEntry place =
            place_path(layout_, file.path, !file.is_directory || file.ensure_parents, time_);
        const std::optional<InodeId> found = find(place);
        const std::uint32_t usual = file.is_directory ? 0755 : 0644;
        const Attributes attributes{.mode = file.mode.value_or(usual),
                                    .uid = user_id(file.user),
                                    .gid = group_id(file.group),
                                    .mtime = time_};
        if (found) {
            const InodeKind kind = file.is_directory ? InodeKind::directory : InodeKind::file;
            if (layout_.root.inode(*found).kind != kind) {
                throw Error(ErrorKind::invalid, "a file of another type already exists");
            }
            layout_.root.attributes(*found) = attributes;
            if (!file.is_directory) layout_.root.set_content(*found, Content::of(file.data));
        } else if (file.is_directory) {
            layout_.root.add_directory(place.directory, place.name, attributes);
        } else {
            layout_.root.add_file(place.directory, place.name, attributes, Content::of(file.data));
        }
    }

    SysrootLayout& layout_;
    const Customizations& wanted_;
    const ostree::Repository& repository_;
    std::int64_t time_;
    Accounts accounts_;
};

}  // namespace

void customize(SysrootLayout& layout, const Customizations& customizations,
               const ostree::Repository& repository, std::int64_t time) {
    Customizer(layout, customizations, repository, time).run();
}

}  // namespace osb::image
