# Every sentence of caphub-node, and those that both programs say, in French.

# Errors
said-error = erreur :
said-hint = conseil :
said-note = note :
said-because = { $what } : { $why }

# The command line
usage-heading = Utilisation :
usage-help = Affiche cette aide
usage-version = Affiche la version
usage-default = défaut :
usage-values = valeurs :
usage-error-subcommand = la commande « { $argument } » n’existe pas
usage-error-argument = « { $argument } » n’est pas attendu ici
usage-error-no-value = { $argument } attend une valeur
usage-error-value = { $argument } n’accepte pas « { $value } »
usage-error-missing = il manque : { $argument }
usage-error-no-command = il manque une commande
usage-error-conflict = { $argument } et { $other } s’excluent
usage-error-other = { $argument } reçoit trop ou trop peu de valeurs
usage-hint-known = on connaît : { $known }
usage-hint-help = la même commande avec --help dit ce qu’elle attend

# Help of caphub-node
help-node = Fait marcher un hub caphub : un nœud avec son propre dépôt, ses clés et ses règles. Exemple : caphub-node init "Pacific Hub" --region 009, puis caphub-node run
help-node-exit-codes = Codes de sortie : 0 fait, 1 échec, 2 mauvais usage, 3 rien ici encore
help-node-init = Créer un hub : ses clés, son identité, son dossier. Exemple : caphub-node init "Pacific Hub" --region 009
help-node-run = Faire marcher le nœud jusqu’à ce qu’on lui dise d’arrêter. Exemple : caphub-node run --listen 0.0.0.0:7430
help-node-check = Vérifier la configuration et les fichiers du hub, sans démarrer : caphub-node check
help-node-verify = Vérifier chaque empreinte, signature et autorisation du dépôt, le registre des propres lots et tous les fichiers que nomment les fiches, et dire qui pourrait remplacer ce qui est abîmé. Un nœud peut marcher pendant ce temps ; arrêté, on en sait plus. Code de sortie 1 si quelque chose ne va pas. Exemple : caphub-node verify
help-node-repair = Réécrire les parties abîmées du dépôt et des fichiers, depuis le propre registre et les hubs liés. Arrêtez d’abord le nœud. Ce que rien ne dit du registre est enlevé et mis de côté, et le hub ne signe rien avant qu’un hub lié ait été interrogé. Exemple : systemctl stop caphub-node && caphub-node repair && systemctl start caphub-node
help-node-rebuild = Refaire l’index et toutes les vues à partir du journal. Un nœud peut marcher pendant ce temps : ses vues sont alors refaites, et répondent comme avant jusqu’à la fin. L’index du dépôt n’est refait que si aucun nœud ne marche. Exemple : caphub-node rebuild
help-node-backup = Sauvegarder le dossier du hub dans un autre ; une seconde fois au même endroit, seul ce qui a changé est copié. Un nœud peut marcher pendant ce temps. La sauvegarde contient les clés du hub. Exemple : caphub-node backup /mnt/backup/hub
help-node-restore = Remettre une sauvegarde comme hub de --dir, qui doit être vide. Il ne signe rien avant qu’un hub lié ait montré ce qui a été signé après la sauvegarde, et seulement à la suite. Exemple : caphub-node --dir NOUVEAU restore /mnt/backup/hub
arg-node-dir = Le dossier du hub
arg-node-init-name = Le nom du hub, tel qu’on le connaît ; avec --from-member, à défaut celui de l’organisation
arg-node-init-region = Code M49 de l’ONU ou nom de la région qu’il sert, par exemple 009 ; peut être répété
arg-node-init-country = L’État, si le hub est celui d’un État
arg-node-init-language = Langues du hub, comme fr
arg-node-init-from-member = Un hub pour l’organisation de ce dossier de membre : même identité, histoire reprise. Il faut sa clé racine ; le dossier peut rester un poste de travail. Exemple : caphub-node init --from-member ~/.local/share/caphub/me
arg-node-run-listen = Où écouter, HÔTE:PORT, ou none pour un hub qui appelle seulement ; l’emporte sur la configuration
arg-node-verify-offline = N’interroger aucun hub lié sur ce qui est abîmé
arg-node-backup-to = Le dossier de la sauvegarde
arg-node-restore-from = Le dossier de la sauvegarde
arg-node-restore-sign-at-once = Signer d’emblée : seulement si personne n’a rien vu de ce hub depuis la sauvegarde, sinon il aurait deux histoires

# Making a hub
node-ready =
    { $name } est prêt.

      identifiant  { $id }
      dossier      { $folder }

    FICHE DE RÉCUPÉRATION : à imprimer ou recopier, et à garder loin de cette machine.
    Elle rétablit l’identité du hub si cette machine est perdue ou volée.

      hub                  { $name }
      identifiant          { $id }
      clé de récupération  { $key }
node-ready-next =
    Ensuite : caphub-node{ $node } run        (et, dans une autre fenêtre)
              caphub{ $hub } hub invite TV > tuvalu.caphub
node-adopted =
    { $name } est prêt.

      identifiant  { $id }
      dossier      { $folder }
      histoire     { $taken } entrées reprises ; elles gardent leur auteur

    La clé racine reste dans { $member }, et la fiche de récupération reste bonne.
node-adopted-next =
    Ensuite : caphub-node{ $node } run        (et, dans une autre fenêtre)
              caphub{ $hub } hub card > notre-hub.caphub
              caphub --home { $member } join notre-hub.caphub
node-ask-passphrase = Phrase secrète
node-error-region = aucune région « { $text } »
node-error-country = aucun pays « { $text } »
node-hint-region = donnez un code M49 de l’ONU, par exemple --region 009 pour l’Océanie
node-hint-country = donnez un code tel que TV, ou le nom
node-hint-member = nommez le dossier d’un membre, comme caphub --home
node-hint-passphrase = définissez CAPHUB_PASSPHRASE, ou lancez-le dans un terminal
node-hint-wait = attendez que le programme qui utilise le dossier se termine

# Running
node-hint-threads = le système ne permet pas plus de fils d’exécution ou de fichiers
node-hint-config = comparez avec le fichier d’exemple dans deploy/
node-hint-listen = un autre programme utilise ce port, ou l’adresse n’est pas celle de cette machine : choisissez-en une autre avec --listen HÔTE:PORT
node-hint-socket = le chemin du dossier est peut-être trop long pour une prise : choisissez-en un plus court avec --dir
node-hint-hub = nommez le dossier du hub avec --dir

# Checking
node-check-ok = bon
node-check-wrong = faux
node-check-line = { $what } : { $how }
node-check-configuration = configuration
node-check-proxy = mandataire
node-check-hub = hub
node-check-signing-key = clé de signature
node-check-store = dépôt
node-check-listens = écoute sur { $address }
node-check-dials = n’écoute nulle part : il appelle seulement
node-check-holds = { $entries } entrées en { $feeds } suites
node-check-mended = { $held } ; le registre était abîmé en { $places } endroits et il est réparé
node-check-runs = le hub marche comme processus { $holder }

# Keeping a store whole
node-bytes = { $count } octets
node-kib = { $count } Kio
node-mib = { $count } Mio
node-held = { $name } : { $entries } entrées en { $feeds } suites, { $size }
node-held-beside = Lots qu’il a signés : { $batches } ; fichiers : { $files } avec { $size }.
node-register-log = lots que ce hub a signés ; le journal les a aussi
node-register-torn = la fin d’une écriture dont personne n’avait été informé ; le prochain démarrage l’enlève
node-register-unknown = lots que ce hub a signés ; le journal ne les a pas
node-register-lost = { $count } octets du registre que rien ne dit ; ils sont gardés dans
node-register-unasked = Le hub ne signe rien avant qu’un hub lié ait montré jusqu’où vont ses propres suites. Si aucun hub n’est lié et que personne n’a rien vu de lui, enlevez :
node-register-mended = { $count ->
        [one] un endroit du registre, depuis le journal
       *[other] { $count } endroits du registre, depuis le journal
    }
node-register-waits = { $path } : il attend que le journal soit entier
node-mark-taken-out = enlevé
node-file = fichier { $file }
node-file-left = fichier { $file } : { $why }
node-file-list = la liste des morceaux du fichier { $file }
node-file-chunks = { $count ->
        [one] un morceau du fichier { $file }
       *[other] { $count } morceaux du fichier { $file }
    }
node-holder-can = { $name } peut remplacer { $held } morceaux de fichiers sur { $wanted }.
node-torn = La dernière écriture a été coupée ; personne n’avait été informé qu’elle était gardée. Le prochain démarrage l’enlève.
node-place = { $path }, octets { $from } à { $to }
node-entries = entrées { $first } à { $last } de la suite { $feed } de { $party }
node-mark-damaged = abîmé
node-mark-wrong = faux
node-mark-void = nul
node-mark-repaired = réparé
node-wrong = { $entries } : { $what }
node-void = suite { $feed } de { $party } : sa clé de signature n’est pas autorisée
node-error-damaged = { $count ->
        [one] un endroit du dépôt est abîmé
       *[other] { $count } endroits du dépôt sont abîmés
    }
node-hint-repair = arrêtez le nœud, puis : caphub-node repair
node-hint-repair-backup = arrêtez le nœud, puis : caphub-node repair ; ce qui reste, depuis une sauvegarde
node-sound = Chaque empreinte et chaque signature est juste.
node-error-unproven = { $count ->
        [one] un morceau gardé ne se prouve pas
       *[other] { $count } morceaux gardés ne se prouvent pas
    }
node-hint-unproven = ils n’ont pas été écrits par un nœud : remettez une sauvegarde, et gardez ce dossier comme preuve
node-nothing-damaged = Rien n’est abîmé.
node-whole-again = Tout est de nouveau entier. Vérifiez avec : caphub-node verify
node-error-left = { $count ->
        [one] un endroit n’a pu être remplacé
       *[other] { $count } endroits n’ont pu être remplacés
    }
node-hint-left = réessayez quand d’autres hubs liés seront joignables, ou remettez une sauvegarde dans un autre dossier
node-no-sources = Aucun hub lié ne peut être interrogé.
node-source-can = { $name } peut remplacer { $held } entrées sur { $wanted }.
node-source-had = { $name } avait { $held } de ces entrées.
node-source-silent = { $name } n’a pu être interrogé : { $why }
node-rebuilt = L’index et les vues ont été refaits à partir de { $entries } entrées.
node-rebuilt-views = Les vues ont été refaites à partir de { $entries } entrées, pendant que le hub marchait. L’index du dépôt n’est refait que si le hub est d’abord arrêté.
node-backed-up =
    { $files } fichiers, { $all }, sont dans { $folder }.
    { $copied } ont dû être copiés.
    La sauvegarde contient les clés de ce hub : gardez-la aussi sûrement que le hub.
node-backed-up-next = Pour la remettre : caphub-node --dir NOUVEAU-DOSSIER restore { $folder }
node-restored =
    { $name } est de retour dans { $folder } : { $files } fichiers.
    La machine dont vient la sauvegarde ne doit plus marcher : deux avec une seule clé signeraient deux histoires.
node-restored-waits = Il ne signe rien avant qu’un hub lié lui ait montré ce qui a été signé depuis.
node-restored-next = Ensuite : caphub-node --dir { $folder } run
node-progress = { $percent } % vérifiés
node-progress-files = { $percent } % des fichiers vérifiés
node-progress-read = { $percent } % lus
node-hint-running = le nœud marche : arrêtez-le d’abord, par exemple avec : systemctl stop caphub-node
node-hint-version = prenez la version de caphub-node qui l’a écrit, ou remettez une sauvegarde
node-hint-runs-already = le hub marche déjà, ou une commande utilise son dossier : attendez qu’elle finisse
node-hint-other-version = prenez la version de caphub-node qui l’a écrit, ou remettez une sauvegarde dans un autre dossier
node-hint-log = regardez le journal du nœud ; ce qui était là avant continue
node-hint-repair-first = d’abord : caphub-node repair
node-hint-empty = nommez un dossier vide ailleurs
node-hint-no-backup = nommez le dossier que caphub-node backup a écrit
node-hint-other-copy = prenez une autre copie de la sauvegarde
