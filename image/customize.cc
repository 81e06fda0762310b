#include "image/customize.hh"

#include <optional>

#include "base/error.hh"
#include "base/escape.hh"
#include "image/accounts.hh"
#include "image/deployed_paths.hh"
#include "ostree/object_reader.hh"

namespace osb::image {
namespace {

constexpr std::size_t kMaxFile = 4UL << 20U;  // of a file that is edited

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
        for (const GroupCustomization& group : wanted_.groups) accounts_.add_group(group);
        for (const UserCustomization& user : wanted_.users) set_user(user);
        for (const FileCustomization& file : wanted_.files) add_file(file);
        if (wanted_.groups.empty() && wanted_.users.empty()) return;
        write("/etc/passwd", accounts_.passwd(), 0644);
        write("/etc/group", accounts_.group(), 0644);
        write("/etc/shadow", accounts_.shadow(), 0640);
    }

  private:
    std::optional<InodeId> find(const PlacedEntry& place) const {
        return layout_.root.child(place.directory, place.name);
    }

    // "" when there is none.
    std::string read(const std::string& path) {
        const std::optional<InodeId> found = find(place_path(layout_, path, false, time_));
        if (!found) return {};
        const Inode& inode = layout_.root.inode(*found);
        check_file(inode, path);
        if (!inode.content.is_object) return inode.content.bytes;
        const ostree::ContentObject object = ostree::open_object(repository_, inode.content.object);
        return object.content ? read_all(*object.content, kMaxFile, path) : std::string{};
    }

    static void check_file(const Inode& inode, const std::string& path) {
        if (inode.kind == InodeKind::file) return;
        throw Error(ErrorKind::invalid, concat(quoted(path), " is no file"));
    }

    // A file that is there keeps owner and mode.
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
        if (!layout_.root.find(zone, layout_.deployment)) {
            throw Error(ErrorKind::invalid,
                        concat("the system knows no time zone ", quoted(wanted_.timezone)))
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

    void set_user(const UserCustomization& user) {
        const Account account = accounts_.set_user(user);
        if (account.home.size() < 2) return;  // "/" and "" belong to nobody
        own_directory(account.home, 0700, account);
        if (user.keys.empty()) return;
        const InodeId ssh = own_directory(account.home + "/.ssh", 0700, account);
        std::string keys;
        for (const std::string& key : user.keys) keys += key + '\n';
        const Attributes attributes{.mode = 0600, .uid = account.uid, .gid = account.gid, .mtime = time_};
        if (layout_.root.child(ssh, "authorized_keys")) {
            throw Error(ErrorKind::invalid,
                        concat("the keys of the user ", quoted(user.name), " are set twice"));
        }
        layout_.root.add_file(ssh, "authorized_keys", attributes, Content::of(keys));
    }

    // One that is there stays as it is. A home may be a link to its place, as /root is: what counts is where
    // an entry of it would lie.
    InodeId own_directory(const std::string& path, std::uint32_t mode, const Account& account) {
        const std::size_t known = layout_.root.inodes().size();
        const InodeId id = place_path(layout_, path + "/entry", true, time_).directory;
        if (id >= known) {
            layout_.root.attributes(id) = {
                .mode = mode, .uid = account.uid, .gid = account.gid, .mtime = time_};
        }
        return id;
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
                throw Error(ErrorKind::invalid, "there is something of another kind already");
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
