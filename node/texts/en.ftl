# Every sentence of caphub-node, and those that both programs say, in English.

# Errors
said-error = error:
said-hint = hint:
said-note = note:
said-because = { $what }: { $why }

# The command line
usage-heading = Usage:
usage-help = Print help
usage-version = Print version
usage-default = default:
usage-values = possible values:
usage-error-subcommand = there is no command "{ $argument }"
usage-error-argument = there is no argument "{ $argument }" here
usage-error-no-value = { $argument } needs a value
usage-error-value = { $argument } does not take "{ $value }"
usage-error-missing = this is missing: { $argument }
usage-error-no-command = a command is missing
usage-error-conflict = { $argument } and { $other } exclude each other
usage-error-other = { $argument } has too many or too few values
usage-hint-known = known is: { $known }
usage-hint-help = the same command with --help says what it takes

# Help of caphub-node
help-node = Runs a caphub hub: a node with its own store, keys and rules. Example: caphub-node init "Pacific Hub" --region 009, then caphub-node run
help-node-exit-codes = Exit codes: 0 done, 1 failed, 2 wrong use, 3 nothing here yet
help-node-init = Make a hub: its keys, its identity, its folder. Example: caphub-node init "Pacific Hub" --region 009
help-node-run = Run the node until it is told to stop. Example: caphub-node run --listen 0.0.0.0:7430
help-node-check = Check the configuration and the hub’s files, without starting: caphub-node check
help-node-verify = Check every hash, signature and authority of the store, the register of own batches and all files that records name, and say who could replace what is damaged. A node may run meanwhile; stopped, more can be said. Exit code 1 where anything is wrong. Example: caphub-node verify
help-node-repair = Write damaged parts of the store and of files again, from the own register and linked hubs. Stop the node first. What of the register nothing tells is taken out and kept aside, and the hub signs nothing until a linked hub was asked. Example: systemctl stop caphub-node && caphub-node repair && systemctl start caphub-node
help-node-rebuild = Derive the index and all views again from the log. A node may run meanwhile: then its views are derived again, and answer as they were until that is done. The index of the store is derived again only while no node runs. Example: caphub-node rebuild
help-node-backup = Back up the hub’s folder to another one; again into the same one copies only what changed. A node may run meanwhile. It holds the hub’s keys. Example: caphub-node backup /mnt/backup/hub
help-node-restore = Put a backup back as the hub of --dir, which must be empty. It signs nothing until a linked hub has shown what was signed after the backup, and then only after that. Example: caphub-node --dir NEW restore /mnt/backup/hub
arg-node-dir = The hub’s folder
arg-node-init-name = The hub’s name, as people know it; with --from-member the organisation’s own where none is given
arg-node-init-region = UN M49 code or name of the region that it serves, for example 009; may be given again
arg-node-init-country = The state, where the hub is a state’s own
arg-node-init-language = Languages of the hub, as tags such as fr
arg-node-init-from-member = A hub for the organisation of this member’s folder: same identity, its history taken over. Needs its root key; the folder may go on as a desk. Example: caphub-node init --from-member ~/.local/share/caphub/me
arg-node-run-listen = Where to listen, HOST:PORT, or none for a hub that only dials out; overrides the configuration
arg-node-verify-offline = Ask no linked hub for what is damaged
arg-node-backup-to = The backup’s folder
arg-node-restore-from = The backup’s folder
arg-node-restore-sign-at-once = Sign at once: only where nobody has seen anything of this hub since the backup, for it would fork

# Making a hub
node-ready =
    { $name } is ready.

      id      { $id }
      folder  { $folder }

    RECOVERY SHEET: print or write down, and keep it away from this machine.
    It brings the hub's identity back when this machine is lost or stolen.

      hub            { $name }
      id             { $id }
      recovery key   { $key }
node-ready-next =
    Next:  caphub-node{ $node } run          (and, in another window)
           caphub{ $hub } hub invite TV > tuvalu.caphub
node-adopted =
    { $name } is ready.

      id       { $id }
      folder   { $folder }
      history  { $taken } entries taken over; they keep their author

    The root key stays in { $member }, and the recovery sheet stays good.
node-adopted-next =
    Next:  caphub-node{ $node } run          (and, in another window)
           caphub{ $hub } hub card > our-hub.caphub
           caphub --home { $member } join our-hub.caphub
node-ask-passphrase = Passphrase
node-error-region = no region "{ $text }"
node-error-country = no country "{ $text }"
node-hint-region = give a UN M49 code, for example --region 009 for Oceania
node-hint-country = give a code such as TV, or the name
node-hint-member = name the folder of a member, as caphub --home has it
node-hint-passphrase = set CAPHUB_PASSPHRASE, or run it in a terminal
node-hint-wait = wait until the program that uses the folder ends

# Running
node-hint-threads = the system allows no more threads or files
node-hint-config = compare with the example file in deploy/
node-hint-listen = another program uses this port, or the address is not one of this machine: choose another with --listen HOST:PORT
node-hint-socket = the folder’s path may be too long for a socket: choose a shorter one with --dir
node-hint-hub = name the hub’s folder with --dir

# Checking
node-check-ok = ok
node-check-wrong = wrong
node-check-line = { $what }: { $how }
node-check-configuration = configuration
node-check-proxy = proxy
node-check-hub = hub
node-check-signing-key = signing key
node-check-store = store
node-check-listens = listens on { $address }
node-check-dials = listens nowhere: it dials out
node-check-holds = { $entries } entries in { $feeds } feeds
node-check-mended = { $held }; the register was damaged in { $places } places and is mended
node-check-runs = the hub runs as process { $holder }

# Keeping a store whole
node-bytes = { $count } bytes
node-kib = { $count } KiB
node-mib = { $count } MiB
node-held = { $name }: { $entries } entries in { $feeds } feeds, { $size }
node-held-beside = Batches that it signed: { $batches }; files: { $files } with { $size }.
node-register-log = batches that this hub signed; the log has them too
node-register-torn = the end of a write of which nobody was told; the next start drops it
node-register-unknown = batches that this hub signed; the log does not have them
node-register-lost = { $count } bytes of the register that nothing tells; they are kept in
node-register-unasked = The hub signs nothing until a linked hub has shown how far its own feeds reach. Where no hub is linked and nobody has seen anything of it, remove:
node-register-mended = { $count ->
        [one] one place of the register, from the log
       *[other] { $count } places of the register, from the log
    }
node-register-waits = { $path }: it waits until the log is whole
node-mark-taken-out = taken out
node-file = file { $file }
node-file-left = file { $file }: { $why }
node-file-list = the list of chunks of file { $file }
node-file-chunks = { $count ->
        [one] one chunk of file { $file }
       *[other] { $count } chunks of file { $file }
    }
node-holder-can = { $name } can replace { $held } of { $wanted } chunks of files.
node-torn = The last write was cut short; nobody was told that it was stored. The next start drops it.
node-place = { $path }, bytes { $from } to { $to }
node-entries = entries { $first } to { $last } of feed { $feed } of { $party }
node-mark-damaged = damaged
node-mark-wrong = wrong
node-mark-void = void
node-mark-repaired = repaired
node-wrong = { $entries }: { $what }
node-void = feed { $feed } of { $party }: its signing key is not authorised
node-error-damaged = { $count ->
        [one] one place of the store is damaged
       *[other] { $count } places of the store are damaged
    }
node-hint-repair = stop the node, then: caphub-node repair
node-hint-repair-backup = stop the node, then: caphub-node repair; what stays, from a backup
node-sound = Every hash and signature is right.
node-error-unproven = { $count ->
        [one] one stored piece does not prove itself
       *[other] { $count } stored pieces do not prove themselves
    }
node-hint-unproven = they were not written by a node: restore a backup, and keep this folder as evidence
node-nothing-damaged = Nothing is damaged.
node-whole-again = All is whole again. Check it with: caphub-node verify
node-error-left = { $count ->
        [one] one place could not be replaced
       *[other] { $count } places could not be replaced
    }
node-hint-left = try again when other linked hubs can be reached, or restore a backup into another folder
node-no-sources = No hub is linked that could be asked.
node-source-can = { $name } can replace { $held } of { $wanted } entries.
node-source-had = { $name } had { $held } of the entries.
node-source-silent = { $name } could not be asked: { $why }
node-rebuilt = Index and views were derived again from { $entries } entries.
node-rebuilt-views = The views were derived again from { $entries } entries, while the hub ran. The index of the store is derived again when the hub is stopped first.
node-backed-up =
    { $files } files with { $all } are in { $folder }.
    { $copied } had to be copied.
    It holds this hub’s keys: keep it as safe as the hub itself.
node-backed-up-next = Put it back with: caphub-node --dir NEW-FOLDER restore { $folder }
node-restored =
    { $name } is back in { $folder }: { $files } files.
    The machine that it was backed up from must not run again: two with one key would sign two histories.
node-restored-waits = It signs nothing until a linked hub has shown it what was signed since.
node-restored-next = Next:  caphub-node --dir { $folder } run
node-progress = { $percent }% checked
node-progress-files = { $percent }% of files checked
node-progress-read = { $percent }% read
node-hint-running = the node is running: stop it first, for example with: systemctl stop caphub-node
node-hint-version = use the version of caphub-node that wrote it, or restore a backup
node-hint-runs-already = the hub runs already, or a command uses its folder: wait until it ends
node-hint-other-version = use the version of caphub-node that wrote it, or restore a backup into another folder
node-hint-log = look at the node’s log; what was there before goes on
node-hint-repair-first = first: caphub-node repair
node-hint-empty = name an empty folder elsewhere
node-hint-no-backup = name the folder that caphub-node backup wrote
node-hint-other-copy = take another copy of the backup
