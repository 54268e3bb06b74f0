/* A static program must not load the machine's own name service modules: they belong to the machine's C library, which can
 * be of another version. So names are looked up in the two ways that the C library has built in: /etc/hosts and DNS.
 * Runs before main. See https://www.gnu.org/software/libc/manual/html_node/Actions-in-the-NSS-configuration.html */
int __nss_configure_lookup(const char *database, const char *services);

__attribute__((constructor)) static void caphub_names(void) {
  __nss_configure_lookup("hosts", "files dns");
  __nss_configure_lookup("passwd", "files");
  __nss_configure_lookup("group", "files");
  __nss_configure_lookup("services", "files");
  __nss_configure_lookup("protocols", "files");
}
