use super::*;

fn patched(site: &Site) -> StreamReader {
    site.open(&format!("{STREAM}&format=patch"))
}

#[test]
fn changes_are_sent_as_patches_where_they_are_shorter() {
    let rooms = Rooms::default();
    for n in 0..20 {
        rooms.enter(&format!("person {n}"));
    }
    let (site, handle) = rooms.site();
    let mut whole = site.open(STREAM);
    let mut patches = patched(&site);
    assert_eq!(whole.expect("rooms").data, patches.expect("rooms").data);

    rooms.enter("ann");
    handle.invalidate();
    let event = whole.expect("rooms");
    let patch = patches.expect("rooms.patch");
    let expected = r#"[{"op":"add","path":"/people/20","value":"ann"}]"#;
    assert_eq!(patch.data, expected);
    // One who comes later begins with the whole, and both go on alike.
    let mut late = patched(&site);
    assert_eq!(late.expect("rooms").data, event.data);

    rooms.0.people.lock().unwrap().clear();
    handle.invalidate();
    for viewer in [&mut whole, &mut patches, &mut late] {
        assert_eq!(
            viewer.expect("rooms").data,
            r#"{"room":"here","people":[]}"#
        );
    }
}

#[test]
fn patches_applied_one_after_the_other_give_the_whole() {
    let rooms = Rooms::default();
    for n in 0..30 {
        rooms.enter(&format!("person {n}"));
    }
    let (site, handle) = rooms.site();
    let mut viewer = patched(&site);
    let mut state = viewer.expect("rooms").json();
    for n in 0..200 {
        {
            let mut people = rooms.0.people.lock().unwrap();
            match fastrand::u8(..3) {
                0 if people.len() > 20 => drop(people.swap_remove(n % 7)),
                1 => people.insert(n % 5, format!("{n}")),
                _ => people.push(format!("~/{n}")),
            }
        }
        handle.invalidate();
        let event = viewer.event();
        if event.event == "rooms.patch" {
            let patch: json_patch::Patch = serde_json::from_str(&event.data).unwrap();
            json_patch::patch(&mut state, &patch).unwrap();
        } else {
            state = event.json();
        }
        assert_eq!(people(&state), *rooms.0.people.lock().unwrap());
    }
}
