# Completion for etmem and etmemd in bash. Made by `etmem generate` from the tables of the commands: change those.

# What may follow the command in $1: further commands, its options, what their values can be, and what its words can be.
_etmem_rows() {
  commands='' options='' values='' words=''
  case $1 in
    '')
      commands='obj project engine reload stats top daemon demo doctor heatmap completion help'
      ;;
    'help')
      commands='obj project engine reload stats top daemon demo doctor heatmap completion'
      ;;
    'obj')
      commands='add del check help'
      ;;
    'project')
      commands='show start stop plan pause resume help'
      ;;
    'obj add')
      options='-f --file -s --socket -h --help'
      values='-f:files --file:files -s:etmemd_socket --socket:etmemd_socket'
      ;;
    'obj del')
      options='-f --file -s --socket -h --help'
      values='-f:files --file:files -s:etmemd_socket --socket:etmemd_socket'
      ;;
    'obj check')
      options='-f --file --strict --no-file-checks -h --help'
      values='-f:files --file:files'
      words='files'
      ;;
    'project show')
      options='-n --name -s --socket --json -h --help'
      values='-n:projects --name:projects -s:etmemd_socket --socket:etmemd_socket'
      ;;
    'project start')
      options='-n --name -s --socket -h --help'
      values='-n:projects --name:projects -s:etmemd_socket --socket:etmemd_socket'
      ;;
    'project stop')
      options='-n --name -s --socket --bring-back --rate --json -h --help'
      values='-n:projects --name:projects -s:etmemd_socket --socket:etmemd_socket --rate:50M,200M'
      ;;
    'project plan')
      options='-n --name --seconds -s --socket --json -h --help'
      values='-n:projects --name:projects --seconds:20,60 -s:etmemd_socket --socket:etmemd_socket'
      ;;
    'project pause')
      options='-n --name -s --socket -h --help'
      values='-n:projects --name:projects -s:etmemd_socket --socket:etmemd_socket'
      ;;
    'project resume')
      options='-n --name -s --socket -h --help'
      values='-n:projects --name:projects -s:etmemd_socket --socket:etmemd_socket'
      ;;
    'engine')
      options='-n --proj_name -e --engine -t --task_name -s --socket --json -h --help'
      values='-n:projects --proj_name:projects -e:engines --engine:engines -t:tasks --task_name:tasks -s:etmemd_socket --socket:etmemd_socket'
      words='showtaskpages,showhostpages'
      ;;
    'reload')
      options='-s --socket --json -h --help'
      values='-s:etmemd_socket --socket:etmemd_socket'
      ;;
    'stats')
      options='-n --name -t --task -s --socket --json --openmetrics --watch -h --help'
      values='-n:projects --name:projects -t:tasks --task:tasks -s:etmemd_socket --socket:etmemd_socket'
      words='1,2,5,60'
      ;;
    'top')
      options='-n --name --interval -s --socket -h --help'
      values='-n:projects --name:projects --interval:1,2,5,60 -s:etmemd_socket --socket:etmemd_socket'
      ;;
    'daemon')
      options='-s --socket -l --log-level -m --mode-systemctl --state-dir --conf-dir --metrics-file --proc --sys -h --help'
      values='-s:etmemd_socket --socket:etmemd_socket -l:0,1,2,3 --log-level:0,1,2,3 --state-dir:folders --conf-dir:folders --metrics-file:files --proc:folders --sys:folders'
      ;;
    'demo')
      options='--size --seconds -h --help'
      values='--size:256M,1G,4G --seconds:20,60'
      ;;
    'doctor')
      options='--json --proc --sys -h --help'
      values='--proc:folders --sys:folders'
      ;;
    'heatmap')
      options='-n --name -t --task --pid --svg --png -s --socket --json -h --help'
      values='-n:projects --name:projects -t:tasks --task:tasks --pid:anything --svg:files --png:files -s:etmemd_socket --socket:etmemd_socket'
      ;;
    'completion')
      options='-h --help'
      words='bash,fish,zsh'
      ;;
    *) return 1 ;;
  esac
}

# Offers the words of $2 and those behind it that begin with $1. What bash regards as a word of its own, behind "=" or ":", is all that it replaces.
_etmem_offer() {
  local begun=$1 replaced=${1%"${1##*[=:]}"} candidate quoted
  shift
  for candidate; do
    [[ $candidate == "$begun"* ]] || continue
    printf -v quoted %q "${candidate#"$replaced"}"
    COMPREPLY+=("$quoted")
  done
}

# Offers values of the kind $1 that begin with $2. $line are the words so far; names come from the daemon, if there is one.
_etmem_values() {
  local name names=() IFS=$' \t\n'
  case $1 in
    anything) ;;
    files | folders)
      compopt -o filenames 2>/dev/null
      local action=-f
      [[ $1 == folders ]] && action=-d
      while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen "$action" -- "$2")
      ;;
    projects | engines | tasks)
      while IFS=$'\t' read -r name _; do names+=("$name"); done < <("${line[0]}" __complete "$1" "${line[@]:1}" 2>/dev/null)
      _etmem_offer "$2" "${names[@]}"
      ;;
    *)
      IFS=, read -ra names <<<"$1"
      _etmem_offer "$2" "${names[@]}"
      ;;
  esac
}

# What the value of the option $1 can be; nothing for an option that takes none.
_etmem_kind() {
  local pair
  kind=''
  for pair in $values; do
    [[ ${pair%%:*} == "$1" ]] && kind=${pair#*:}
  done
}

_etmem() {
  local IFS=$' \t\n' line=() word joined='' at path='' last cur kind commands options values words position=0
  COMPREPLY=()
  # Bash splits words at "=" and ":" too: joined again, they are what was typed.
  for ((at = 0; at <= COMP_CWORD; at++)); do
    word=${COMP_WORDS[at]}
    if ((at > 1)) && [[ -n $joined || $word == [=:]* ]]; then line[${#line[@]}-1]+=$word; else line+=("$word"); fi
    joined=''
    [[ $word == *[=:] ]] && joined=yes
  done
  last=$((${#line[@]} - 1)) cur=${line[${#line[@]}-1]}
  [[ ${1##*/} == etmemd ]] && path=daemon
  for ((at = 1; at < last; at++)); do
    _etmem_rows "${path:+$path }${line[at]}" || break
    path=${path:+$path }${line[at]}
  done
  _etmem_rows "$path"
  if [[ -n $commands ]]; then
    if ((at == last)); then _etmem_offer "$cur" $commands; fi
    return
  fi
  # Words besides options say which of the command's words this one is.
  for (( ; at < last; at++)); do
    _etmem_kind "${line[at]}"
    if [[ -n $kind ]]; then ((at++)); elif [[ ${line[at]} != -* ]]; then ((position++)); fi
  done
  _etmem_kind "${line[last-1]}"
  if [[ -n $kind ]]; then
    _etmem_values "$kind" "$cur"
  elif [[ $cur == --*=* ]]; then
    _etmem_kind "${cur%%=*}"
    [[ -n $kind ]] && _etmem_values "$kind" "${cur#*=}"
  elif [[ $cur == -* ]]; then
    _etmem_offer "$cur" $options
  else
    words=($words)
    if [[ -n ${words[position]} ]]; then _etmem_values "${words[position]}" "$cur"; else _etmem_offer "$cur" $options; fi
  fi
}

complete -F _etmem etmem etmemd
